"""Three bytes through the transmitter, whose line is the receiver's."""


def stimulus(outputs):
    for _ in range(3):
        yield {"rst_n": 0, "rxd": 1}
    waiting = [0x4B, 0x69, 0x6C]
    for _ in range(190):
        step = {"rst_n": 1, "rxd": outputs["txd"]}
        if waiting:
            step |= {"tx_valid": 1, "tx_data": waiting[0]}
        yield step
        if waiting and outputs["tx_ready"]:
            waiting.pop(0)
