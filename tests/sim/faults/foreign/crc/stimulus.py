"""CRC-16 of nine bytes, then CRC-32 of four."""

JOBS = [(1, b"123456789"), (2, b"Kiln")]


def stimulus(outputs):
    for _ in range(2):
        yield {"rst_ni": 0}
    for kind, text in JOBS:
        command = kind << 7 | len(text) << 1
        while True:
            yield {"rst_ni": 1, "cmd_i": command, "cmd_valid_i": 1}
            if outputs["cmd_ready_o"]:
                break
        sent = 0
        while not outputs["crc_valid_o"]:
            step = {"rst_ni": 1}
            if sent < len(text):
                step |= {"byte_i": text[sent], "byte_valid_i": 1}
            yield step
            sent += sent < len(text) and outputs["byte_ready_o"]
    for _ in range(4):
        yield {"rst_ni": 1}
