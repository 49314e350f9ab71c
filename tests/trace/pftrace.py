# SPDX-License-Identifier: MIT
"""Reads Perfetto's protobuf as far as Vitrine writes it: fields by number, without any generated code."""
import struct

TYPE_BEGIN, TYPE_END, TYPE_INSTANT, TYPE_COUNTER = 1, 2, 3, 4


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a varint of more than ten bytes")


def fields(data):
    """Yields (number, value) of a message: integers for varints and fixed64, bytes for the rest."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = varint(data, at)
        elif wire == 1:
            value, at = struct.unpack_from("<Q", data, at)[0], at + 8
        elif wire == 2:
            n, at = varint(data, at)
            if at + n > len(data):
                raise ValueError("a field goes beyond its message")
            value, at = data[at:at + n], at + n
        else:
            raise ValueError(f"wire type {wire}")
        yield number, value


def one(data, number, default=None):
    found = [v for n, v in fields(data) if n == number]
    return found[-1] if found else default


def names(data, number):
    """What an InternedData sends of one kind: number -> name."""
    return {one(entry, 1): one(entry, 2).decode() for n, entry in fields(data) if n == number}


class Trace:
    """tracks: uuid -> dict(name, parent, process, thread, counter); events in the file's order: dict(type, ns, track, name, category,
    args, flows, value)."""

    def __init__(self, data):
        self.tracks, self.events = {}, []
        self.names, self.categories, self.arguments = {}, {}, {}
        for number, packet in fields(data):
            if number != 1:
                raise ValueError(f"a trace has packets only, not field {number}")
            self.packet(packet)

    def packet(self, packet):
        interned = one(packet, 12)
        if interned is not None:
            self.categories.update(names(interned, 1))
            self.names.update(names(interned, 2))
            self.arguments.update(names(interned, 3))
        track = one(packet, 60)
        if track is not None:
            name = one(track, 2, b"").decode()
            process, thread = one(track, 3), one(track, 4)
            if process is not None:
                name = one(process, 6).decode()
            if thread is not None:
                name = one(thread, 5).decode()
            self.tracks[one(track, 1)] = {"name": name, "parent": one(track, 5), "process": process is not None,
                                          "thread": thread is not None, "counter": one(track, 8) is not None}
        event = one(packet, 11)
        if event is not None:
            self.event(one(packet, 8), event)

    def event(self, ns, event):
        e = {"ns": ns, "type": one(event, 9), "track": one(event, 11), "name": None, "category": None, "args": {}, "flows": [],
             "value": one(event, 30)}
        for number, value in fields(event):
            if number == 10:
                e["name"] = self.names[value]
            elif number == 23:
                e["name"] = value.decode()
            elif number == 3:
                e["category"] = self.categories[value]
            elif number in (47, 48):
                e["flows"].append(value)
            elif number == 4:
                parts = dict(fields(value))
                shown = next((parts[k] for k in (2, 3, 4, 6, 7) if k in parts), None)
                e["args"][self.arguments[parts[1]]] = shown.decode() if isinstance(shown, bytes) else shown
        self.events.append(e)
