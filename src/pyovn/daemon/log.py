"""The log of one daemon: modules, levels, three destinations, and OVS's ``vlog`` words for them.

A ``Log`` belongs to one daemon, not to the process: several daemons hosted together each make their own,
with their own file and serial numbers, and hand ``log.module("name")`` down to what they build.  A program
that is alone in its process may use ``module("name")`` of this file, which is bound to ``process_log()``.

A ``Logger`` is one module's: ``logger.warn("%s: gone", name)``.  It knows the most verbose level that any
destination wants, so a message that nobody wants costs one comparison.  ``limit=`` bounds how often a
message may repeat; what was held back is counted and said with the next message that passes.

Levels are OFF < EMER < ERR < WARN < INFO < DBG, and each (module, destination) has one; INFO to begin with
(ovs-appctl(8), "Logging Commands").  File and syslog lines end in a newline and are written at once.

A WARN or ERR makes somebody look: what happens in a healthy run is INFO at most.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from pyovn.daemon.logpattern import FACILITIES, LEVEL_NAMES, Record, compile_pattern

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from pyovn.daemon.syslog import Sender

OFF, EMER, ERR, WARN, INFO, DBG = range(6)

DESTINATIONS: Final = ("syslog", "console", "file")
"""In the order of vlog/list-pattern; the index is the index of ``Logger.levels``."""

_SYSLOG, _CONSOLE, _FILE = range(3)

DEFAULT_PATTERNS: Final = (
    "ovs|%05N|%c%T|%p|%m",
    "%D{%Y-%m-%dT%H:%M:%SZ}|%05N|%c%T|%p|%m",
    "%D{%Y-%m-%dT%H:%M:%S.###Z}|%05N|%c%T|%p|%m",
)
SYSLOG_PREFIX: Final = "<%B> %D{%h %e %T} %E %A: "

_SEPARATORS: Final = re.compile(r"[ ,:\t]+")


class LogSpecError(ValueError):
    """A level specification that names nothing; the text is what C's programs say."""


class Limit(NamedTuple):
    """How often one message may be logged: a bucket of ``burst`` that refills with ``per_minute``."""

    per_minute: float
    burst: float


class _Bucket:
    """The state of one ``Limit`` in one module of one daemon."""

    __slots__ = ("dropped", "filled", "first", "last", "tokens")

    def __init__(self, limit: Limit, now: float) -> None:
        self.tokens = limit.burst
        self.filled = now
        self.dropped = 0
        self.first = now
        self.last = now

    def admit(self, limit: Limit, now: float) -> bool:
        gained = max(0.0, now - self.filled) * limit.per_minute / 60
        self.tokens = min(limit.burst, self.tokens + gained)
        self.filled = now
        if self.tokens >= 1:
            self.tokens -= 1
            return True
        if not self.dropped:
            self.first = now
        self.dropped += 1
        self.last = now
        return False


class Logger:
    """One module's way to its daemon's log."""

    __slots__ = ("_buckets", "_log", "levels", "limited", "name", "threshold")

    def __init__(self, log: Log, name: str) -> None:
        """Bind ``name`` to ``log``; ``Log.module`` makes these."""
        self.name = name
        self.levels = [INFO, INFO, INFO]
        self.threshold = INFO
        self.limited = True
        self._log = log
        self._buckets: dict[Limit, _Bucket] = {}

    def emer(self, text: str, *args: object, limit: Limit | None = None) -> None:
        """Report a failure that ends the process."""
        if self.threshold >= EMER:
            self.write(EMER, text, args, limit)

    def err(self, text: str, *args: object, limit: Limit | None = None) -> None:
        """Report a failure of a whole operation or subsystem."""
        if self.threshold >= ERR:
            self.write(ERR, text, args, limit)

    def warn(self, text: str, *args: object, limit: Limit | None = None) -> None:
        """Report a failure from which the caller may recover."""
        if self.threshold >= WARN:
            self.write(WARN, text, args, limit)

    warning = warn
    """The standard library's spelling, into which linters turn ``logger.warn``."""

    def info(self, text: str, *args: object, limit: Limit | None = None) -> None:
        """Report what helps to understand a problem afterwards."""
        if self.threshold >= INFO:
            self.write(INFO, text, args, limit)

    def dbg(self, text: str, *args: object, limit: Limit | None = None) -> None:
        """Report what only a developer wants, and only when asked for."""
        if self.threshold >= DBG:
            self.write(DBG, text, args, limit)

    def line(self, level: str, text: str) -> None:
        """Log a finished line at the level of that name: what parts get that know nothing of logs."""
        number = LEVEL_NAMES.index(level.upper())
        if self.threshold >= number:
            self.write(number, "%s", (text,), None)

    def enabled(self, level: int) -> bool:
        """Whether a message of ``level`` would be written anywhere: spares building costly texts."""
        return self.threshold >= level

    def write(self, level: int, text: str, args: tuple[object, ...], limit: Limit | None) -> None:
        """Log ``text % args`` unless ``limit`` holds it back."""
        if limit is not None and self.limited:
            now = self._log.wall()
            bucket = self._buckets.get(limit)
            if bucket is None:
                bucket = self._buckets[limit] = _Bucket(limit, now)
            if not bucket.admit(limit, now):
                return
            if bucket.dropped:
                dropped, bucket.dropped = bucket.dropped, 0
                self._log.emit(
                    self,
                    level,
                    f"Dropped {dropped} log messages in last {now - bucket.first:.0f} seconds "
                    f"(most recently, {now - bucket.last:.0f} seconds ago) due to excessive rate",
                )
        self._log.emit(self, level, text % args if args else text)

    def set_level(self, destination: int, level: int) -> None:
        """Let messages up to ``level`` pass to one destination."""
        self.levels[destination] = level
        self.threshold = max(self.levels)


class Log:
    """One daemon's log; see the module."""

    def __init__(
        self,
        program: str,
        *,
        wall: Callable[[], float] = time.time,
        console: TextIO | None = None,
        syslog: Sender | None = None,
    ) -> None:
        """Log under ``program``; without ``console`` and ``syslog`` those destinations are silent."""
        self.program = program
        self.subprogram = ""
        self.wall = wall
        self.console = console
        self.senders: list[Sender] = [] if syslog is None else [syslog]
        self.file_name: str | None = None
        self._started = wall()
        self._file: int | None = None
        self._serial = 0
        self._facility = "daemon"
        self._modules: dict[str, Logger] = {}
        self._defaults = [INFO, INFO, INFO]
        self._patterns = list(DEFAULT_PATTERNS)
        self._formats = [compile_pattern(pattern) for pattern in DEFAULT_PATTERNS]
        self._prefix = compile_pattern(SYSLOG_PREFIX)
        self._own = self.module("vlog")

    def module(self, name: str) -> Logger:
        """The logger of module ``name``; one object per name."""
        logger = self._modules.get(name)
        if logger is None:
            logger = self._modules[name] = Logger(self, name)
            for destination, level in enumerate(self._defaults):
                logger.set_level(destination, level)
        return logger

    def emit(self, logger: Logger, level: int, message: str) -> None:
        """Write one message to every destination that wants it."""
        self._serial += 1
        record = Record(
            self.wall(),
            self._serial,
            logger.name,
            level,
            message,
            self.program,
            self.subprogram,
            self.wall() - self._started,
            self._facility,
        )
        levels, formats = logger.levels, self._formats
        if self.console is not None and level <= levels[_CONSOLE]:
            self.console.write(formats[_CONSOLE](record) + "\n")
            self.console.flush()
        if self.senders and level <= levels[_SYSLOG]:
            text, prefix = formats[_SYSLOG](record), self._prefix(record)
            for sender in self.senders:
                sender.send(record, prefix, text)
        if self._file is not None and level <= levels[_FILE]:
            # A full disk must not stop the daemon, and there is nowhere left to say so.
            with contextlib.suppress(OSError):
                os.write(self._file, (formats[_FILE](record) + "\n").encode(errors="replace"))

    def open_file(self, name: str) -> None:
        """Log to file ``name`` from now on; raises ``OSError`` (and warns) when it cannot be opened."""
        try:
            file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o660)
        except OSError as error:
            self._own.warn("failed to open %s for logging: %s", name, error.strerror)
            raise
        self.close_file()
        self.file_name, self._file = name, file
        self._own.info("opened log file %s", name)

    def reopen_file(self) -> None:
        """Close and open the file, so that a rotated one is left alone; raises ``OSError``."""
        if self.file_name is not None:
            if self._file is not None:
                self._own.info("closing log file")
            self.close_file()
            self.open_file(self.file_name)

    def close_file(self) -> None:
        """Stop logging to the file; ``reopen_file`` goes on."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def change_owner(self, uid: int, gid: int) -> None:
        """Give the open file to another user, who is to go on writing and rotating it."""
        if self._file is not None:
            os.fchown(self._file, uid, gid)

    def set_levels(self, module: str | None, destination: str | None, level: int) -> None:
        """Set the level of one or all modules at one or all destinations."""
        targets = range(3) if destination is None else (DESTINATIONS.index(destination),)
        for target in targets:
            if module is None:
                self._defaults[target] = level
            for logger in self._modules.values() if module is None else (self.module(module),):
                logger.set_level(target, level)

    def set_spec(self, spec: str) -> None:
        """Apply one word of ``-v`` or ``vlog/set``; raises ``LogSpecError``."""
        kind, _, rest = spec.partition(":")
        if kind.upper() == "PATTERN":
            destination, _, pattern = rest.partition(":")
            self.set_pattern(destination, pattern)
        elif kind.upper() == "FACILITY":
            if rest.lower() not in FACILITIES:
                raise LogSpecError("invalid facility")
            self._facility = rest.lower()
        else:
            self.set_levels(*self._parse_levels(spec))

    def set_pattern(self, destination: str, pattern: str) -> None:
        """Let lines for ``destination`` look like ``pattern``; raises ``LogSpecError``."""
        if destination.lower() not in DESTINATIONS:
            raise LogSpecError(f'unknown destination "{destination}"')
        index = DESTINATIONS.index(destination.lower())
        self._patterns[index] = pattern
        self._formats[index] = compile_pattern(pattern)

    def set_rate_limits(self, modules: list[str], *, enabled: bool) -> None:
        """Obey or ignore the limits of some modules, of all when none is named, or the word ``any``."""
        wanted = [name.lower().replace("-", "_") for name in modules]
        if not all(name == "any" or self._known(name) for name in wanted):
            raise LogSpecError("unknown module")
        for name in tuple(self._modules) if "any" in wanted or not wanted else wanted:
            self.module(name).limited = enabled

    def _parse_levels(self, spec: str) -> tuple[str | None, str | None, int]:
        module: str | None = None
        destination: str | None = None
        level: int | None = None
        for word in filter(None, _SEPARATORS.split(spec)):
            lower = word.lower()
            if lower == "any":
                continue
            if lower in DESTINATIONS:
                if destination is not None:
                    raise LogSpecError("cannot specify multiple destinations")
                destination = lower
            elif word.upper() in LEVEL_NAMES:
                if level is not None:
                    raise LogSpecError("cannot specify multiple levels")
                level = LEVEL_NAMES.index(word.upper())
            elif self._known(lower):
                if module is not None:
                    raise LogSpecError("cannot specify multiple modules")
                module = lower.replace("-", "_")
            else:
                raise LogSpecError(f'no destination, level, or module "{word}"')
        return module, destination, DBG if level is None else level

    def _known(self, name: str) -> bool:
        return name.replace("-", "_") in self._modules or name.replace("-", "_") in KNOWN_MODULES

    def format_levels(self) -> str:
        """The text of vlog/list."""
        lines = [
            "                 console    syslog    file\n",
            "                 -------    ------    ------\n",
        ]
        for name in sorted(self._modules):
            levels = [LEVEL_NAMES[level] for level in self._modules[name].levels]
            lines.append(
                f"{name:<16s}  {levels[_CONSOLE]:>4s}       {levels[_SYSLOG]:>4s}       {levels[_FILE]:>4s}\n"
            )
        return "".join(lines)

    def format_patterns(self) -> str:
        """The text of vlog/list-pattern."""
        lines = [
            "         prefix                            format\n",
            "         ------                            ------\n",
        ]
        for name, pattern in zip(DESTINATIONS, self._patterns, strict=True):
            prefix = SYSLOG_PREFIX.rstrip() if name == "syslog" else "none"
            lines.append(f"{name.upper():<7s}  {prefix:<32s}  {pattern}\n")
        return "".join(lines)


_C_MODULES: Final = """
acl_log actions backtrace bfd binding bond bridge bundle bundles cfm chassis collectors command_line
connmgr conntrack conntrack_tp coverage ct_dpif daemon daemon_unix db_ctl_base debug dns_resolve
dpdk dpif dpif_lookup_autovalidator dpif_lookup_generic dpif_mfex_extract_study dpif_netdev
dpif_netdev_extract dpif_netdev_impl dpif_netdev_lookup dpif_netlink dpif_netlink_rtnl en_lflow
en_northd en_sync_to_sb encaps entropy expr extend_table fail_open fatal_signal features flow
ha_chassis hmap if_status in_band inc_proc_eng inc_proc_northd ipam ipf ipfix jsonrpc lacp lb ldata
lflow lflow_cache lldp lldpd lldpd_structs lockfile lport mac_binding_aging mac_learn main mcast
memory memory_trim meta_flow native_tnl nbctl netdev netdev_afxdp netdev_dummy netdev_linux
netdev_offload netdev_offload_tc netdev_vport netflow netlink netlink_conntrack netlink_devlink
netlink_notifier netlink_socket northd nx_match odp_execute odp_execute_impl odp_util ofctrl
ofp_actions ofp_bundle ofp_connection ofp_errors ofp_flow ofp_group ofp_match ofp_meter ofp_monitor
ofp_msgs ofp_packet ofp_port ofp_protocol ofp_queue ofp_table ofp_util ofproto ofproto_dpif
ofproto_dpif_mirror ofproto_dpif_monitor ofproto_dpif_rid ofproto_dpif_upcall ofproto_dpif_xlate
ofproto_xlate_cache ovn_bfd ovn_dbctl ovn_nbctl ovn_northd ovn_parallel_hmap ovn_sbctl ovn_trace
ovn_util ovs_appctl ovs_lldp ovs_numa ovs_ofctl ovs_rcu ovs_replay ovs_router ovs_thread ovs_vsctl
ovsdb ovsdb_client ovsdb_cs ovsdb_error ovsdb_file ovsdb_idl ovsdb_jsonrpc_server ovsdb_log
ovsdb_monitor ovsdb_rbac ovsdb_server ovsdb_tool ovsdb_util ovsport ox_stat patch pcap physical
pinctrl pmd_perf poll_loop port_mirror process raft raft_rpc rconn reconnect relay replication
resource_dep route_table rstp rstp_sm sbctl sflow sha1 signals socket_util socket_util_unix
stopwatch storage stp stream stream_fd stream_replay stream_ssl stream_tcp stream_unix svec
system_stats table tc timeval transaction transaction_forward trigger tunnel unixctl userspace_tso
util uuid vconn vconn_stream vif_plug vif_plug_dummy vif_plug_provider vif_plug_representor vlog
vsctl vswitchd
"""
KNOWN_MODULES: Final = frozenset(_C_MODULES.split())
"""Module names that scripts give to C's programs; accepted also where we have no such module."""

_PROCESS: Final = Log("", console=sys.stderr)


def process_log() -> Log:
    """The log of a program that is alone in its process; hosted daemons make their own."""
    return _PROCESS


def module(name: str) -> Logger:
    """A logger of ``process_log()``."""
    return _PROCESS.module(name)
