"""Groups in ovs-ofctl's syntax (ovs-ofctl(8), "Group Syntax")."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from pyovn.wire.openflow.fields import FIELDS, field
from pyovn.wire.openflow.messages import GroupMod
from pyovn.wire.openflow.multiparts import ALL_GROUPS, ANY_GROUP, Bucket, GroupEntry
from pyovn.wire.openflow.text_actions import format_actions
from pyovn.wire.openflow.text_match import split_words
from pyovn.wire.openflow.text_parse import parse_actions
from pyovn.wire.openflow.text_values import (
    TextError,
    format_port,
    format_value,
    number,
    parse_port,
    parse_value,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

TYPES: Final = ("all", "select", "indirect", "fast_failover")
_TYPE_TEXT: Final = ("all", "select", "indirect", "ff")
_TYPE_NUMBERS: Final = {name: i for i, name in enumerate(TYPES)} | {"ff": 3}
_BUCKETS: Final = re.compile(r",?\s*buckets?=")
_SETTING: Final = re.compile(r"\s*(weight|bucket_id|watch_port|watch_group)[=:]([^,]*),?")
_NUMBERED: Final = (1, 6)
_GROUP_NAMES: Final = {"all": ALL_GROUPS, "any": ANY_GROUP}
_COMMAND_BUCKETS: Final = {"all": 0xFFFFFFFF, "last": 0xFFFFFFFE, "first": 0xFFFFFFFD}


def format_group(group: GroupEntry, names: Mapping[int, str] | None = None, version: int = 6) -> str:
    """The group as ``ovs-ofctl dump-groups`` shows it, without its leading blank."""
    kind = _TYPE_TEXT[group.type] if group.type < len(_TYPE_TEXT) else str(group.type)
    text = f"group_id={group.id},type={kind}"
    if group.selection_method:
        text += f",selection_method={group.selection_method}"
    if group.selection_parameter:
        text += f",selection_method_param={group.selection_parameter}"
    if group.fields:
        shown = sorted(group.fields, key=lambda each: FIELDS[each[0]].order)
        text += ",fields(" + ",".join([_hashed(name, mask) for name, mask in shown]) + ")"
    for bucket in group.buckets:
        text += ",bucket=" + _format_bucket(bucket, group.type, names, version)
    return text


def _hashed(name: str, mask: int) -> str:
    known = FIELDS[name]
    return name if mask == known.full else f"{name}={format_value(known, mask, known.full)}"


def _format_bucket(bucket: Bucket, kind: int, names: Mapping[int, str] | None, version: int) -> str:
    # Buckets have numbers in 1.5, and in Open vSwitch's extension of 1.0, which has 1.5's form.
    text = f"bucket_id:{bucket.id}," if version in _NUMBERED else ""
    if bucket.weight is not None and bucket.weight != (1 if kind == 1 else 0):
        text += f"weight:{bucket.weight},"
    if bucket.watch_port is not None:
        text += f"watch_port:{format_port(bucket.watch_port, names)},"
    if bucket.watch_group is not None:
        text += f"watch_group:{bucket.watch_group},"
    return f"{text}actions={format_actions(bucket.actions, names, version)}"


def _parse_bucket(text: str, kind: int, place: int, ports: Mapping[str, int] | None) -> Bucket:
    settings: dict[str, str] = {}
    while found := _SETTING.match(text):
        settings[found[1]] = found[2]
        text = text[found.end() :]
    actions = text.removeprefix("actions=").strip().rstrip(",")
    weight = settings.get("weight")
    watch_port = settings.get("watch_port")
    watch_group = settings.get("watch_group")
    return Bucket(
        parse_actions(actions, ports) if actions else (),
        number(settings.get("bucket_id", str(place))),
        number(weight) if weight is not None else 1 if kind == 1 else None,
        None if watch_port is None else parse_port(watch_port, ports),
        None if watch_group is None else number(watch_group),
    )


def parse_group_id(text: str) -> int:
    """A number, or ``all`` or ``any``."""
    return _GROUP_NAMES[text.lower()] if text.lower() in _GROUP_NAMES else number(text)


def _parse_fields(text: str) -> tuple[tuple[str, int], ...]:
    fields: list[tuple[str, int]] = []
    for name, mask in split_words(text.strip("()")):
        known = field(name)
        fields.append((known.name, parse_value(known, mask)[0] if mask else known.full))
    return tuple(fields)


def parse_group_mod(command: int, text: str, ports: Mapping[str, int] | None = None) -> GroupMod:
    """``group_id=1,type=select,bucket=weight:50,actions=output:1`` with what ``command`` does with it."""
    head, *buckets = _BUCKETS.split(text)
    settings: dict[str, str] = {}
    fields: tuple[tuple[str, int], ...] = ()
    for key, value in split_words(head):
        if key == "fields":
            fields = _parse_fields(value)
        elif key in ("group_id", "type", "selection_method", "selection_method_param", "command_bucket_id"):
            settings[key] = value
        else:
            raise TextError(f"unknown keyword {key}")
    kind = _TYPE_NUMBERS.get(settings.get("type", "all"))
    if kind is None:
        raise TextError(f"invalid group type {settings['type']}")
    if "group_id" not in settings:
        raise TextError("must specify a group_id")
    group = GroupEntry(
        parse_group_id(settings["group_id"]),
        kind,
        tuple([_parse_bucket(each, kind, place, ports) for place, each in enumerate(buckets)]),
        settings.get("selection_method", ""),
        number(settings.get("selection_method_param", "0")),
        fields,
    )
    place = settings.get("command_bucket_id", "all")
    bucket = _COMMAND_BUCKETS[place] if place in _COMMAND_BUCKETS else number(place)
    return GroupMod(command, group, bucket)


def parse_group(text: str, ports: Mapping[str, int] | None = None) -> GroupEntry:
    """A group alone."""
    return msgspec.structs.replace(parse_group_mod(0, text, ports).group)
