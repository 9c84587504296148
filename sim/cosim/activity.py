from dataclasses import dataclass
@dataclass
class Activity: pass
def read_activity(*a): return None
