"""Write bigWig files byte by byte: all kinds of blocks, both byte orders, faults on request."""

import struct
import zlib


def section(order, contig, kind, entries, *, step=0, span=0, start=None, count=None):
    """Bytes of a block. Entries: (start, end, value), (start, value) or value, as the kind asks."""
    rows = [entry if isinstance(entry, tuple) else (entry,) for entry in entries]
    body = b"".join(struct.pack(f"{order}{'I' * (len(row) - 1)}f", *row) for row in rows)
    start = rows[0][0] if start is None else start
    fields = (contig, start, 0, step, span, kind, 0, len(rows) if count is None else count)
    return struct.pack(f"{order}IIIIIBBH", *fields) + body


def write_blocks(path, contigs, blocks, *, order="<", zipped=True, fan=2, summary=None, most=None):
    """Blocks: (contig number, start, end, bytes), as the index shall say; `fan` children a node."""
    packed = [zlib.compress(raw) if zipped else raw for *_, raw in blocks]
    most = max((len(raw) for *_, raw in blocks), default=0) if most is None else most
    names = [name.encode() for name in contigs]
    wide = max(map(len, names))
    tree = struct.pack(f"{order}IIIIQQ", 0x78CA8C91, fan, wide, 8, len(names), 0)
    leaves = [
        struct.pack(f"{order}BBH", 1, 0, len(names[at : at + fan]))
        + b"".join(
            struct.pack(f"{order}{wide}sII", name, at + k, list(contigs.values())[at + k])
            for k, name in enumerate(names[at : at + fan])
        )
        for at in range(0, len(names), fan)
    ]
    offset, body = 64 + 40 + 32, b"".join(leaves)
    if len(leaves) > 1:  # one node above the leaves
        offset += 4 + len(leaves) * (wide + 8)
        tree += struct.pack(f"{order}BBH", 0, 0, len(leaves))
        at = offset
        for number, leaf in enumerate(leaves):
            tree += struct.pack(f"{order}{wide}sQ", names[number * fan], at)
            at += len(leaf)
    tree += body
    data = 64 + 40 + len(tree)
    content = struct.pack(f"{order}Q", len(blocks)) + b"".join(packed)
    index = data + len(content)
    rows, at = [], data + 8
    for (number, low, high, _), raw in zip(blocks, packed, strict=True):
        rows.append((number, low, number, high, at, len(raw)))
        at += len(raw)
    edges = [(r[:2], r[2:4]) for r in rows]
    head = (edges[0][0] + max(e[1] for e in edges)) if edges else (0,) * 4
    rtree = struct.pack(f"{order}IIQIIIIQII", 0x2468ACE0, fan, len(rows), *head, index, 1, 0)
    content += rtree + _nodes(order, rows, index + 48, fan)
    fields = (0x888FFC26, 4, 0, 104 - 40, 0, 0, 0, 0, 0, 64 if summary else 0, 0, 0)
    fields = (*fields[:3], 104, data, index, *fields[6:10], most if zipped else 0, 0)
    covered = struct.pack(f"{order}Qdddd", *(summary or (0, 0, 0)), 0, 0)
    magic = struct.pack(f"{order}I", 0x888FFC26)
    path.write_bytes(
        struct.pack(f"{order}IHHQQQHHQQIQ", *fields) + covered + tree + content + magic
    )
    return path


def _nodes(order, rows, at, fan):
    """An R-tree of any depth: the node at `at`, then its children."""
    if len(rows) <= fan:
        return struct.pack(f"{order}BBH", 1, 0, len(rows)) + b"".join(
            struct.pack(f"{order}IIIIQQ", *row) for row in rows
        )
    each = fan
    while each * fan < len(rows):
        each *= fan
    groups = [rows[k : k + each] for k in range(0, len(rows), each)]
    head, body = struct.pack(f"{order}BBH", 0, 0, len(groups)), b""
    below = at + 4 + 24 * len(groups)
    for group in groups:
        low = min(row[:2] for row in group)
        high = max(row[2:4] for row in group)
        head += struct.pack(f"{order}IIIIQ", *low, *high, below + len(body))
        body += _nodes(order, group, below + len(body), fan)
    return head + body


def blocks_of(entries, contigs, order="<", most=3, kinds=(1,)):
    """Blocks of sorted entries (contig, start, end, value), each of a kind that can hold them."""
    names, found, taken = list(contigs), [], 0
    for name in names:
        rows = [entry[1:] for entry in entries if entry[0] == name]
        while rows:
            kind = kinds[taken % len(kinds)]
            part, span = [rows[0]], rows[0][1] - rows[0][0]
            step = rows[1][0] - rows[0][0] if len(rows) > 1 else span
            for start, end, value in rows[1:most]:
                if kind > 1 and end - start != span:
                    break
                if kind > 2 and start - part[-1][0] != step:
                    break
                part.append((start, end, value))
            shown = {1: part, 2: [(s, v) for s, _, v in part], 3: [v for *_, v in part]}[kind]
            raw = section(order, names.index(name), kind, shown, step=step * (kind == 3),
                          span=span * (kind > 1), start=part[0][0])  # fmt: skip
            found.append((names.index(name), part[0][0], part[-1][1], raw))
            rows, taken = rows[len(part) :], taken + 1
    return found
