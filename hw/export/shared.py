"""Shared modules: one Verilog module per class of component, instantiated as often as needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from amaranth.hdl import (
    ClockSignal,
    Fragment,
    Instance,
    Module,
    ResetSignal,
    Signal,
)
from amaranth.lib import wiring

from ..contracts import KilnError
from .units import Unit, convert_unit, port_values

__all__ = ["ExportPlatform", "shared"]

ComponentT = TypeVar("ComponentT", bound=wiring.Component)


def shared(
    m: Module,
    platform: Any,
    name: str,
    component: ComponentT,
    *,
    instance: str | None = None,
    key: object = None,
) -> ComponentT:
    """Add `component` to `m` such that export emits its class once, however often it is used.

    In simulation the component becomes an ordinary submodule and is returned as it is. Under
    export an instance of the class module is emitted, and an interface with the same members is
    returned. Connect to the members of what is returned; they behave alike in both cases.

    Parameters
    ----------
    m : Module
        The parent, inside its ``elaborate``.
    platform : object
        What the parent's ``elaborate`` was given; pass it on untouched.
    name : str
        The class: components of one name must be configured alike.
    component : Component
        One instance. It may use the clock domain ``sync`` only.
    instance : str, optional
        Name of this instance in the parent; by default `name` with a running number.
    key : object, optional
        What to compare configurations by, where the component's own public attributes cannot tell
        two configurations apart or cannot be compared.

    Raises
    ------
    KilnError
        Two components of one class name are configured differently, or the component is no
        `wiring.Component`, for example because it is wrapped in ``ResetInserter``.
    """
    if not isinstance(component, wiring.Component):
        raise KilnError(
            f"shared module {name!r}: {type(component).__name__} is not a wiring.Component; "
            f"put ResetInserter, EnableInserter or DomainRenamer inside the component"
        )
    instance = instance or _numbered(m, name)
    if not isinstance(platform, ExportPlatform):
        m.submodules[instance] = component
        return component
    return cast(ComponentT, platform.instantiate(m, name, component, instance, key))


_numbers: WeakKeyDictionary[Module, Counter[str]] = WeakKeyDictionary()


def _numbered(m: Module, name: str) -> str:
    """Return `name` with its running number in `m`: simulation and export name instances alike."""
    numbers = _numbers.setdefault(m, Counter())
    numbers[name] += 1
    return f"{name}_{numbers[name] - 1}"


class _SharedInstance(Instance):
    """Marks an instance that nothing has transformed: transformers replace it by an `Instance`."""


class ExportPlatform:
    """Collects the class modules of one export while their parents are elaborated."""

    def __init__(self, top: str) -> None:
        self.top = top
        self.units: dict[str, Unit] = {}
        self._keys: dict[str, object] = {}

    def convert(self, name: str, component: wiring.Component, comment: str) -> Unit:
        """Convert `component` as the module `name`, its shared modules before it."""
        fragment = Fragment.get(component, self)
        self._refuse_transformed(name, fragment)
        return convert_unit(name, component, fragment, comment)

    def instantiate(
        self,
        m: Module,
        name: str,
        component: wiring.Component,
        instance: str,
        key: object,
    ) -> Any:
        """Emit an instance of class `name` into `m` and return its interface."""
        unit = self._unit(name, component, key)
        if not unit.modules:  # Amaranth emits no module without cells
            m.submodules[instance] = component
            return component
        component._MustUse__used = True  # its class stands for it
        interface = component.signature.create(path=(instance,))
        m.submodules[instance] = _SharedInstance(unit.name, **_connections(unit, interface))
        return interface

    def _unit(self, name: str, component: wiring.Component, key: object) -> Unit:
        identity = (type(component), component.signature, _configuration(name, component, key))
        if name not in self._keys:
            self._keys[name] = identity
            self.units[name] = self.convert(
                f"{self.top}_{name}", component, _describe(component, key)
            )
        elif self._keys[name] != identity:
            raise KilnError(
                f"shared module {name!r} is asked for with two configurations, "
                f"{self._keys[name]} and {identity}; give each its own class name"
            )
        elif name not in self.units:
            raise KilnError(f"shared module {name!r} contains itself; remove the inner one")
        return self.units[name]

    def _refuse_transformed(self, parent: str, fragment: Fragment) -> None:
        classes = {unit.name for unit in self.units.values()}
        for child, name, _src in fragment.subfragments:
            if not isinstance(child, Instance):
                self._refuse_transformed(parent, child)
            elif child.type in classes and not isinstance(child, _SharedInstance):
                raise KilnError(
                    f"shared module {child.type!r} (instance {name!r} in {parent!r}) lies inside "
                    f"a ResetInserter, EnableInserter or DomainRenamer, which cannot reach into a "
                    f"shared class; put it inside the class, or give the class a reset port"
                )


def _configuration(name: str, component: wiring.Component, key: object) -> object:
    """Return what two components of one class must agree on."""
    if key is not None:
        return key
    members = set(component.signature.members)
    attributes = {
        attribute: _comparable(name, attribute, value)
        for attribute, value in vars(component).items()
        if attribute not in members
        and not attribute.startswith("_MustUse__")
        and attribute not in ("_signature", "signature")
    }
    return tuple(sorted(attributes.items()))


def _comparable(name: str, attribute: str, value: object) -> object:
    if isinstance(value, Signal):
        return repr(value.shape()), value.init
    if isinstance(value, wiring.Component):
        return type(value), repr(value.signature), _configuration(name, value, None)
    if isinstance(value, (list, tuple)):
        return tuple(_comparable(name, attribute, item) for item in value)
    if isinstance(value, Mapping):
        return tuple((k, _comparable(name, attribute, item)) for k, item in value.items())
    if type(value).__eq__ is object.__eq__ and not isinstance(value, type):
        raise KilnError(
            f"shared module {name!r}: attribute {attribute!r} of type {type(value).__name__} "
            f"cannot be compared; pass key= with the configuration"
        )
    return value


def _connections(unit: Unit, interface: Any) -> dict[str, Any]:
    ports: dict[str, Any] = {}
    if "clk" in unit.ports:
        ports["i_clk"] = ClockSignal("sync")
    if "rst" in unit.ports:
        ports["i_rst"] = ResetSignal("sync")
    for port, (value, is_input) in port_values(interface).items():
        if port in unit.ports:
            ports[f"{'i' if is_input else 'o'}_{port}"] = value
    return ports


def _describe(component: wiring.Component, key: object) -> str:
    """Return the component's class and configuration, for the comment above its module."""
    if key is not None:
        return f"{type(component).__name__}, {key!r}"
    members = {*component.signature.members, "_signature", "signature"}
    plain = ", ".join(
        f"{name}={value!r}"
        for name, value in vars(component).items()
        if name not in members and isinstance(value, (int, str)) and not name.startswith("_")
    )
    return f"{type(component).__name__}({plain})"
