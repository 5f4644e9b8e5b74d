"""Tell what an index entry holds in each search region (api/ecm.md 6.1), as old as the index is; finds no entry."""

from __future__ import annotations

from ecmbraze.sandbox.ecm.index import Entry
from ecmbraze.sandbox.ecm.lql import Regions
from ecmbraze.sandbox.ecm.stamps import stamp

SORTABLE = ("OTName", "OTModifyDate", "OTObjectDate")
ORDER = ("OTName", "OTModifyDate", "OTModifyTime", "OTObjectDate", "OTLocation", "OTSubType", "OTDataID")


def regions_of(entry: Entry, zone: str) -> Regions:
    """Return the look-up of an entry's regions; days and times of day are local to the server."""

    def look(name: str) -> tuple[str, ...]:
        match name.casefold():
            case "otdataid":
                return (str(entry.id),)
            case "otsubtype":
                return (str(entry.subtype),)
            case "otname":
                return (entry.name,)
            case "otmodifydate":
                return (_local(entry.modified, zone)[0],)
            case "otmodifytime":
                return (_local(entry.modified, zone)[1],)
            case "otobjectdate":
                return (_local(entry.created, zone)[0],)
            case "otlocation":
                return tuple(str(number) for number in entry.path)
            case "otparentid":
                return (str(entry.path[-2]),) if len(entry.path) > 1 else ()
        return _of_category(entry, name)

    return look


def shown(entry: Entry, zone: str, chosen: frozenset[str]) -> dict[str, str]:
    """Return the ``regions`` of a hit: all that are shown by default, or the ``chosen`` ones."""
    look = regions_of(entry, zone)
    found = {name: " ".join(look(name)) for name in (sorted(chosen) if chosen else ORDER)}
    if "OTObjectDate" in found:
        found["OTObjectDate_formatted"] = found["OTObjectDate"]
    return found


def _of_category(entry: Entry, region: str) -> tuple[str, ...]:
    """Return the values of ``Attr_<category>_<attribute>``; a region that does not exist is simply empty."""
    parts = region.split("_")
    if len(parts) != 3 or parts[0].casefold() != "attr" or not (parts[1].isdigit() and parts[2].isdigit()):
        return ()
    value = entry.values.get(int(parts[1]), {}).get(int(parts[2]))
    values = value if isinstance(value, list) else [value]
    return tuple(str(one) for one in values if one not in (None, "") and not isinstance(one, dict))


def _local(epoch: int, zone: str) -> tuple[str, str]:
    """Return the day and the time of day, as the date regions hold them."""
    day, _, time = stamp(epoch, False, zone).partition("T")
    return day.replace("-", ""), time.replace(":", "")
