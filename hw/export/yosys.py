from __future__ import annotations

import re
import tempfile
from pathlib import Path

from pyosys import libyosys


def write_verilog(texts, *, top, flat):
    design = libyosys.Design()
    with tempfile.TemporaryDirectory() as folder:
        for n, text in enumerate(texts):
            (Path(folder) / f"{n}.il").write_text(text)
            libyosys.run_pass(f"tee -q read_rtlil {folder}/{n}.il", design)
        for c in (
            ["proc -nomux -norom", "memory_collect", f"hierarchy -top {top}"]
            + (["flatten"] if flat else [])
            + ["opt_clean", f"write_verilog -noattr {folder}/o.v"]
        ):
            libyosys.run_pass("tee -q " + c, design)
        verilog = (Path(folder) / "o.v").read_text()
    verilog = re.sub(r"(?m)^/\* Generated.*\n", "", verilog)
    verilog = re.sub(
        r"\\([a-zA-Z_]\S*) ", lambda t: re.sub(r"[^a-zA-Z0-9_]", "_", t[1]), verilog
    )
    modules = {}
    for t in re.finditer(r"(?ms)^module (\S+)\(.*?^endmodule\n", verilog):
        modules[t[1]] = t[0]
    children = {}
    for n, text in modules.items():
        c = {}
        for t in re.findall(r"(?m)^  (\w+) \S+ +\($", text):
            if t in modules:
                c[t] = c.get(t, 0) + 1
        children[n] = c
    return modules, children
