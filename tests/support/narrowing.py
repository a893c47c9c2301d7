"""What a change of the tables takes from an older talkd, which still names the tables as they were."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa


class Column(NamedTuple):
    """A column as the database has it."""

    type: str
    may_be_null: bool
    has_default: bool


class Table(NamedTuple):
    """A table as the database has it."""

    columns: dict[str, Column]
    unique: frozenset[frozenset[str]]
    """The columns of each unique index or key."""
    rules: frozenset[str]
    """Foreign keys and checks, as text."""


Tables = dict[str, Table]


def list_tables(connection: sa.Connection) -> Tables:
    """Return the tables of a database, without those of SQLite's search index."""
    found = sa.inspect(connection)
    columns, keys = found.get_multi_columns(), found.get_multi_pk_constraint()
    indexes, unique = found.get_multi_indexes(), found.get_multi_unique_constraints()
    foreign, checks = found.get_multi_foreign_keys(), found.get_multi_check_constraints()
    return {
        place[1]: Table(
            _columns(columns[place], keys[place]["constrained_columns"]),
            frozenset(
                frozenset(each)
                for each in (
                    keys[place]["constrained_columns"],
                    *(each["column_names"] for each in unique[place]),
                    *(_parts(each) for each in indexes[place] if each["unique"]),
                )
            ),
            frozenset(
                [
                    *(
                        f"{','.join(each['constrained_columns'])} -> {each['referred_table']}"
                        for each in foreign[place]
                    ),
                    *(each["sqltext"] for each in checks[place]),
                ]
            ),
        )
        for place in columns
        if not place[1].startswith("messages_search_")
    }


def _columns(found: Sequence[Any], key: Sequence[str]) -> dict[str, Column]:
    columns = {
        each["name"]: Column(
            str(each["type"]), each["nullable"], each["default"] is not None or bool(each.get("identity"))
        )
        for each in found
    }
    if len(key) == 1 and columns[key[0]].type == "INTEGER":
        columns[key[0]] = columns[key[0]]._replace(has_default=True)  # SQLite numbers these rows by itself
    return columns


def _parts(index: Any) -> list[str]:
    """The columns of an index, and expressions as their text."""
    return [
        name or text
        for name, text in zip(index["column_names"], index.get("expressions", index["column_names"]), strict=True)
    ]


def list_narrowed(before: Tables, after: Tables) -> list[str]:
    """Return what an older talkd may miss, or may write no longer, after a change of the tables."""
    faults = [f"{name} is gone" for name in before.keys() - after.keys()]
    for name in before.keys() & after.keys():
        faults += [f"{name}.{fault}" for fault in _of_columns(before[name].columns, after[name].columns)]
        faults += [f"{name} has the new rule {rule}" for rule in after[name].rules - before[name].rules]
        faults += [
            f"{name} has the new unique index of {', '.join(sorted(columns))}"
            for columns in after[name].unique
            if not any(known <= columns for known in before[name].unique)
        ]
    return sorted(faults)


def _of_columns(before: dict[str, Column], after: dict[str, Column]) -> list[str]:
    faults = [f"{name} is gone" for name in before.keys() - after.keys()]
    for name, column in after.items():
        known = before.get(name)
        if known is None:
            if not column.may_be_null and not column.has_default:
                faults.append(f"{name} is new and needs a value")
            continue
        if known.type != column.type:
            faults.append(f"{name} was {known.type} and is {column.type}")
        if known.may_be_null and not column.may_be_null:
            faults.append(f"{name} may be NULL no longer")
        if known.has_default and not column.has_default:
            faults.append(f"{name} has no default any more")
    return faults
