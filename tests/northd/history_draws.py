"""Random histories: each state is the one before with a few things changed."""

from __future__ import annotations

from typing import Any

from history_kit import CHILDREN, EMPTY, GLOBAL_BLANK, SYMBOLS, UNIQUE, Claim, Of, State, Thing
from hypothesis import strategies as st
from northd_kit import mac

SWITCHES, ROUTERS, PORTS, ROUTER_PORTS = (
    ("s1", "s2", "s3"),
    ("r1", "r2"),
    ("p1", "p2", "p3", "p4"),
    ("rp1", "rp2"),
)
ADDRESSES = st.frozensets(
    st.sampled_from([
        mac(1), mac(2), f"{mac(3)} 10.0.0.3", f"{mac(3)} 10.0.0.3 fd00::3", "0:0:0:0:0:1",
        "unknown", " unknown", "dynamic", "router", "bad", "",
    ]),
    max_size=3,
)  # fmt: skip
"""Some say the same in other words: a MAC without zeros, ``unknown`` after a space, an address twice."""


def options(**choices: list[str]) -> Any:
    """Maps of some of these keys."""
    return st.fixed_dictionaries(
        {}, optional={k.replace("_", "-"): st.sampled_from(v) for k, v in choices.items()}
    )


KEYS = ["1", "2", "7", "2047", "2048", "30000", "x"]
CHASSIS_NAMES = ["c1", "c2", "host", "nobody"]
PORT = st.fixed_dictionaries(
    {},
    optional={
        "addresses": ADDRESSES,
        "port_security": st.frozensets(
            st.sampled_from([mac(1), mac(2), f"{mac(1)} 10.0.0.1", "bad"]), max_size=2
        ),
        "enabled": st.booleans(),
        "type": st.sampled_from(["router", "localnet", "localport", "virtual", "vtep", "external", "odd"]),
        "parent_name": st.sampled_from(["p1", "p2", "nobody"]),
        "tag_request": st.sampled_from([0, 0, 1, 2]),
        "options": options(
            requested_tnl_key=KEYS,
            router_port=["rp1", "rp2", "nothing"],
            requested_chassis=["c1", "c2,c1", "host", "nobody"],
            virtual_ip=["10.0.0.9", "bad"],
            virtual_parents=["p1", "p1,p2", "p2,nobody"],
            qdisc_queue_id=["5"],
            localnet_learn_fdb=["true"],
        ),
        "external_ids": st.dictionaries(st.sampled_from(["neutron:port_name", "b"]), st.just("v")),
    },
)
ROUTER_SIDE = st.fixed_dictionaries(
    {
        "type": st.just("router"),
        "options": st.fixed_dictionaries({"router-port": st.sampled_from(ROUTER_PORTS)}),
    },
    optional={"addresses": st.just(frozenset(["router"])), "enabled": st.booleans()},
)
"""A port that is connected, as ports of type router mostly are."""
PORT_NAMES = {"p1": ("p1", "p2"), "p2": ("p2", "p1"), "p3": ("p3", "rp1"), "p4": ("p4", "cr-rp1")}
"""Names may be swapped, and a switch port may be called as a router's port is, or its gateway."""
SWITCH = st.fixed_dictionaries(
    {},
    optional={
        "other_config": st.one_of(
            options(requested_tnl_key=["1", "2", "4095", "4096", "x"]),
            options(vlan_passthru=["true", "false"]),
        ),
        "external_ids": st.dictionaries(st.just("neutron:network_name"), st.just("n")),
    },
)
ROUTER = st.fixed_dictionaries(
    {},
    optional={
        "enabled": st.booleans(),
        "options": options(
            requested_tnl_key=["1", "3"], chassis=["c1", "c2"], mac_binding_age_threshold=["9"]
        ),
        "external_ids": st.dictionaries(st.just("neutron:router_name"), st.just("n")),
    },
)
ROUTER_PORT = st.fixed_dictionaries(
    {"mac": st.sampled_from([mac(21), mac(22)])},
    optional={
        "networks": st.frozensets(st.sampled_from(["10.0.0.254/24", "fd00::fe/64"])),
        "peer": st.sampled_from(["rp1", "rp2"]),
        "options": options(requested_tnl_key=["1", "4"], redirect_type=["bridged", "overlay"]),
        "ha_chassis_group": st.sampled_from([Of("g1"), Of("g2")]),
    },
)


def homes(column: str, places: tuple[str, ...]) -> Any:
    """Mostly one."""
    return st.lists(st.sampled_from(places), min_size=1, max_size=2, unique=True).map(
        lambda found: tuple((home, column) for home in sorted(found))
    )


@st.composite
def edits(draw: st.DrawFn) -> tuple[str, Thing | Claim | None]:
    """One thing that is so from now on, or is gone; or what a controller says of a port."""
    symbol = draw(st.sampled_from([*SYMBOLS, *PORTS, *PORTS, *ROUTER_PORTS, "claim", "claim"]))
    if symbol == "claim":
        name = draw(st.sampled_from([*PORTS, "cr-rp1"]))
        return name + "?", draw(st.none() | st.builds(Claim, st.sampled_from(["c1", "c2"]), st.booleans()))
    if draw(st.sampled_from([False, False, False, True])):
        return symbol, None
    return symbol, draw(THINGS[symbol.rstrip("12345")])(symbol)


def _chassis(name: str, number: str) -> Any:
    encaps = st.frozensets(st.sampled_from(["geneve", "vxlan"]), min_size=1)
    features = st.lists(st.sampled_from(["port-up-notif", "ct-no-masked-label", "is-remote"]), unique=True)
    return st.builds(
        lambda kinds, has, host: Thing(
            "Chassis",
            {
                "name": name,
                "hostname": host,
                "other_config": dict.fromkeys(has, "true"),
                "encaps": frozenset((kind, f"192.0.2.{number}") for kind in kinds),
            },
        ),
        encaps,
        features,
        st.sampled_from(["", "host"]),
    )


def _rows(table: str, columns: Any, names: Any = None, places: Any = None) -> Any:
    """A function from the symbol to the thing, drawn."""

    @st.composite
    def drawn(draw: st.DrawFn) -> Any:
        found, where = dict(draw(columns)), () if places is None else draw(places)

        def made(symbol: str) -> Thing:
            choices = (symbol,) if names is None else names(symbol)
            return Thing(table, {"name": choices[chosen % len(choices)], **found}, where)

        chosen = draw(st.sampled_from([0, 0, 0, 1]))
        return made

    return drawn()


def _constant(strategy: Any) -> Any:
    return strategy.map(lambda thing: lambda _symbol: thing)


PRIORITIES = st.sampled_from([5, 10])
THINGS: dict[str, Any] = {
    "s": _rows("Logical_Switch", SWITCH, lambda s: (s, "twin")),
    "r": _rows("Logical_Router", ROUTER, lambda s: (s, "twin")),
    "p": _rows(
        "Logical_Switch_Port",
        st.one_of(PORT, PORT, ROUTER_SIDE),
        PORT_NAMES.__getitem__,
        homes("ports", SWITCHES),
    ),
    "rp": _rows("Logical_Router_Port", ROUTER_PORT, None, homes("ports", ROUTERS)),
    "g": _rows("HA_Chassis_Group", st.just({}), lambda s: (s, "rp1")),
    "gw": _rows(
        "Gateway_Chassis",
        st.fixed_dictionaries({"chassis_name": st.sampled_from(CHASSIS_NAMES), "priority": PRIORITIES}),
        None,
        homes("gateway_chassis", ROUTER_PORTS),
    ),
    "hc": _constant(
        st.builds(
            lambda name, priority, where: Thing(
                "HA_Chassis", {"chassis_name": name, "priority": priority}, where
            ),
            st.sampled_from(CHASSIS_NAMES),
            PRIORITIES,
            homes("ha_chassis", ("g1", "g2")),
        )
    ),
    "nat": _constant(
        st.builds(
            lambda distributed, where: Thing(
                "NAT",
                {"type": "snat", **({"external_mac": mac(9), "logical_port": "p1"} if distributed else {})},
                where,
            ),
            st.booleans(),
            homes("nat", ROUTERS),
        )
    ),
    "global": _constant(
        st.builds(
            lambda nb_cfg, ipsec, down: Thing(
                "NB_Global", {**GLOBAL_BLANK, "nb_cfg": nb_cfg, "ipsec": ipsec, "options": down}
            ),
            st.integers(0, 3),
            st.booleans(),
            st.sampled_from([{}, {"ignore_lsp_down": "false"}, {"ignore_lsp_down": "true"}]),
        )
    ),
    "c": st.one_of(_chassis("c1", "1"), _chassis("c2", "2")).map(
        lambda thing: (
            lambda symbol: Thing(
                "Chassis",
                {
                    **thing.columns,
                    "name": symbol,
                    "encaps": frozenset(
                        (kind, f"192.0.2.{symbol[1:]}") for kind, _ip in thing.columns["encaps"]
                    ),
                },
            )
        )
    ),
    "cp": _constant(st.integers(0, 3).map(lambda n: Thing("Chassis_Private", {"name": "c1", "nb_cfg": n}))),
}


def coherent(state: State) -> State:
    """The state without what cannot be: children of nobody, references to nothing, a name twice."""
    things: dict[str, Thing] = {}
    names: set[tuple[str, str]] = set()
    for symbol in SYMBOLS:  # parents stand before their children
        thing = state.things.get(symbol)
        if thing is None:
            continue
        gone = {c: None for c, v in thing.columns.items() if isinstance(v, Of) and v.symbol not in things}
        at = tuple(home for home in thing.homes if home[0] in things)
        name = (thing.table, thing.columns.get("name", symbol))
        if (thing.table in CHILDREN and not at) or (thing.table in UNIQUE and name in names):
            continue
        names.add(name)
        things[symbol] = thing._replace(columns={**thing.columns, **gone}, homes=at)
    return State(things, {name: claim for name, claim in state.claims.items() if claim.chassis in things})


@st.composite
def histories(draw: st.DrawFn, *, most: int = 5) -> list[State]:
    """States that follow each other."""
    found: list[State] = []
    state = EMPTY
    for _number in range(draw(st.integers(1, most))):
        things, claims = dict(state.things), dict(state.claims)
        for symbol, what in draw(st.lists(edits(), min_size=1, max_size=8 if found else 20)):
            target: dict[str, Any] = claims if symbol.endswith("?") else things
            key = symbol.rstrip("?")
            if what is None:
                target.pop(key, None)
            else:
                target[key] = what
        state = State(things, claims)
        found.append(coherent(state))
    return found
