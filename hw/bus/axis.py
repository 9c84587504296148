"""AXI4-Stream: its signature, and an adapter from Amaranth streams to its names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from amaranth.hdl import Cat, ClockDomain, Module, Shape, ShapeCastable, Value, ValueCastable
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..contracts import ConfigError

__all__ = ["AxiAdapter", "AxiStreamSignature", "AxiTop", "axi_name"]


class AxiStreamSignature(wiring.Signature):
    """One AXI4-Stream, seen from its source.

    Parameters
    ----------
    data_bytes : int
        Width of ``tdata``, in bytes.
    has_keep, has_last : bool
        Whether ``tkeep`` (one bit per byte) and ``tlast`` are there.
    """

    def __init__(self, data_bytes: int, *, has_keep: bool = False, has_last: bool = False) -> None:
        if data_bytes < 1:
            raise ConfigError(f"data_bytes={data_bytes} carries nothing; use 1 or more")
        self._data_bytes = data_bytes
        self._has_keep = has_keep
        self._has_last = has_last
        members = {"tdata": Out(8 * data_bytes), "tvalid": Out(1), "tready": In(1)}
        if has_keep:
            members["tkeep"] = Out(data_bytes)
        if has_last:
            members["tlast"] = Out(1)
        super().__init__(members)

    @property
    def data_bytes(self) -> int:
        return self._data_bytes

    @property
    def has_keep(self) -> bool:
        return self._has_keep

    @property
    def has_last(self) -> bool:
        return self._has_last

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, AxiStreamSignature)
            and self._data_bytes == other._data_bytes
            and self._has_keep == other._has_keep
            and self._has_last == other._has_last
        )

    def __repr__(self) -> str:
        return (
            f"AxiStreamSignature({self._data_bytes}, has_keep={self._has_keep}, "
            f"has_last={self._has_last})"
        )


def axi_name(member: str, *, is_input: bool) -> str:
    """Return the AXI4-Stream prefix of a stream member: ``i`` and ``o`` are the unnamed ones."""
    prefix, default = ("s_axis", "i") if is_input else ("m_axis", "o")
    return prefix if member == default else f"{prefix}_{member}"


class _Mapping:
    """How a stream payload lies in ``tdata``, ``tkeep`` and ``tlast``.

    A structure of ``data`` with ``keep`` and/or ``last`` is taken apart, everything else is data.
    With ``keep``, one bit per element of ``data``, each element is padded to whole bytes.
    """

    def __init__(self, member: str, shape: Any) -> None:
        layout = data.Layout.cast(shape) if isinstance(shape, ShapeCastable) else None
        fields = {str(name): field.shape for name, field in layout} if layout is not None else {}
        self.split = bool(fields) and set(fields) <= {"data", "keep", "last"} and "data" in fields
        self.has_last = self.split and "last" in fields
        self.has_keep = self.split and "keep" in fields
        content = fields["data"] if self.split else shape
        self.bits = Shape.cast(content).width
        self.elements, self.is_signed = 1, False
        if self.has_keep:
            self._read_elements(member, content, Shape.cast(fields["keep"]).width)
        self.element_bits = self.bits // self.elements
        self.element_bytes = -(-self.element_bits // 8)

    def _read_elements(self, member: str, content: Any, keeps: int) -> None:
        array = data.Layout.cast(content) if isinstance(content, ShapeCastable) else None
        element = array.elem_shape if isinstance(array, data.ArrayLayout) else content
        self.elements = array.length if isinstance(array, data.ArrayLayout) else 1
        self.is_signed = Shape.cast(element).signed
        if self.elements != keeps:
            raise ConfigError(
                f"stream {member!r}: keep has {keeps} bits for {self.elements} elements of data; "
                f"use one bit per element"
            )

    @property
    def signature(self) -> AxiStreamSignature:
        return AxiStreamSignature(
            self.elements * self.element_bytes, has_keep=self.has_keep, has_last=self.has_last
        )

    def to_axis(self, payload: Any) -> dict[str, Value]:
        """Return ``tdata``, ``tkeep`` and ``tlast`` of `payload`."""
        content = _plain(payload.data if self.split else payload)
        elements = [self._padded(element) for element in self._chunks(content, self.element_bits)]
        axis = {"tdata": Cat(elements)}
        if self.has_keep:
            keep = _plain(payload.keep)
            axis["tkeep"] = Cat(bit.replicate(self.element_bytes) for bit in keep)
        if self.has_last:
            axis["tlast"] = _plain(payload.last)
        return axis

    def from_axis(self, axis: Any) -> dict[str, Value]:
        """Return ``data`` and, where the payload has them, ``keep`` and ``last``."""
        chunks = self._chunks(axis("tdata"), 8 * self.element_bytes)
        fields = {"data": Cat(chunk[: self.element_bits] for chunk in chunks)}
        if self.has_keep:
            fields["keep"] = axis("tkeep")[:: self.element_bytes]
        if self.has_last:
            fields["last"] = axis("tlast")
        return fields

    def _chunks(self, value: Value, width: int) -> Iterator[Value]:
        return (value[at * width : (at + 1) * width] for at in range(self.elements))

    def _padded(self, element: Value) -> Value:
        padding = 8 * self.element_bytes - self.element_bits
        fill = element[-1] if self.is_signed else Value.cast(0)[0]
        return Cat(element, fill.replicate(padding))


def _plain(value: Any) -> Value:
    return value.as_value() if isinstance(value, ValueCastable) else Value.cast(value)


class AxiAdapter(wiring.Component):
    """Gives every stream of a component its AXI4-Stream name and keeps its other ports.

    A stream ``x`` becomes ``s_axis_x_tdata`` and so on where it is an input, ``m_axis_x_tdata``
    where it is an output; ``i`` and ``o`` become ``s_axis_tdata`` and ``m_axis_tdata``. There is
    no register in between: latency is zero, and valid, ready and their rules are the component's.

    Parameters
    ----------
    core : Component
        The component, its streams at the first level of its signature.
    """

    def __init__(self, core: wiring.Component) -> None:
        self._core = core
        self._streams = dict(self._find_streams())
        members: dict[str, Any] = {}
        for name, member in core.signature.members.items():
            if name not in self._streams:
                members[name] = member
                continue
            is_input, mapping = self._streams[name]
            axis = mapping.signature
            for port, direction in (axis.flip() if is_input else axis).members.items():
                members[f"{axi_name(name, is_input=is_input)}_{port}"] = direction
        super().__init__(members | self._extra_members())

    def _extra_members(self) -> dict[str, Any]:
        return {}

    def _find_streams(self) -> Iterator[tuple[str, tuple[bool, _Mapping]]]:
        for name, member in self._core.signature.members.items():
            if not member.is_signature:
                continue
            signature = member.signature
            is_input = isinstance(signature, wiring.FlippedSignature)
            plain = signature.flip() if is_input else signature
            if not isinstance(plain, stream.Signature) or member.dimensions:
                raise ConfigError(
                    f"member {name!r} is neither a stream nor a plain port; "
                    f"give the component one stream.Signature for each AXI4-Stream"
                )
            yield name, (is_input, _Mapping(name, plain.members["payload"].shape))

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.core = self._core
        for name, member in self._core.signature.members.items():
            if name in self._streams:
                self._connect_stream(m, name)
            elif member.flow == In:
                m.d.comb += getattr(self._core, name).eq(getattr(self, name))
            else:
                m.d.comb += getattr(self, name).eq(getattr(self._core, name))
        return m

    def _connect_stream(self, m: Module, name: str) -> None:
        is_input, mapping = self._streams[name]
        core = getattr(self._core, name)
        prefix = axi_name(name, is_input=is_input)

        def port(suffix: str) -> Any:
            return getattr(self, f"{prefix}_{suffix}")

        if is_input:
            m.d.comb += [core.valid.eq(port("tvalid")), port("tready").eq(core.ready)]
            for field, value in mapping.from_axis(port).items():
                target = getattr(core.payload, field) if mapping.split else core.payload
                m.d.comb += _plain(target).eq(value)
        else:
            m.d.comb += [port("tvalid").eq(core.valid), core.ready.eq(port("tready"))]
            for suffix, value in mapping.to_axis(core.payload).items():
                m.d.comb += port(suffix).eq(value)


class AxiTop(AxiAdapter):
    """An `AxiAdapter` with ``aclk`` and ``aresetn`` (active low, synchronous) as ports."""

    def _extra_members(self) -> dict[str, Any]:
        return {"aclk": In(1), "aresetn": In(1)}

    def elaborate(self, platform: Any) -> Module:
        m = super().elaborate(platform)
        m.domains.sync = sync = ClockDomain(local=False)
        m.d.comb += [sync.clk.eq(self.aclk), sync.rst.eq(~self.aresetn)]
        return m
