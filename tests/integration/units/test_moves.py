# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets into a unit, who does not, and what happens to sockets that change hands."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.tests.support.waiting import wait_for

from .conftest import PEER, PORT, Site

AGENT = ("agent.service",)
TREE = "/sys/fs/cgroup"
OWN = f"{TREE}/user.slice/user-1000.slice/user@1000.service"

# Sends a new socket to whoever asks, until told to stop.
GIVE = """#!/usr/bin/python3
import array, os, socket
with socket.socket(socket.AF_UNIX) as door:
    door.bind("/run/tries/door.new")
    door.listen()
    os.rename("/run/tries/door.new", "/run/tries/door")
    while True:
        asker, _address = door.accept()
        given = socket.socket()
        asker.sendmsg([b"1"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [given.fileno()]))])
        asker.close()
        given.close()
"""
# Takes one, waits for its turn if it has to, and tries with it.
TAKE = f"""#!/usr/bin/python3
import array, os, socket, sys, time
with socket.socket(socket.AF_UNIX) as asker:
    asker.connect("/run/tries/door")
    _data, ancillary, _flags, _address = asker.recvmsg(1, 64)
number = array.array("i", ancillary[0][2])[0]
print("taken", file=open("/run/tries/taken", "w"))
while len(sys.argv) > 1 and not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
with socket.socket(fileno=number) as client:
    outcome = "refused" if client.connect_ex(("{PEER}", {PORT})) else "reached"
print(outcome, file=open("/run/tries/outcome", "w"))
"""
# Sends by the socket that it was started with.
ACTIVATED = f"""#!/usr/bin/python3
import os, socket, time
for number, name in ((3, "given"), (None, "own")):
    kind = {{"type": socket.SOCK_DGRAM, "family": socket.AF_INET, "fileno": number}}
    with socket.socket(**kind) as sender:
        try:
            sender.sendto(b"x", ("{PEER}", {PORT}))
            outcome = "reached"
        except PermissionError:
            outcome = "refused"
    print(outcome, file=open("/run/tries/" + name, "w"))
"""


@pytest.fixture
def opened(site: Site) -> Site:
    """The machine with PEER open to the agent alone, which runs."""
    if "units_agent.service" not in site.run("nft", "list", "sets", check=False):
        site.apply(AGENT)
        site.machine.write("/usr/local/bin/give", GIVE, 0o755)
        site.machine.write("/usr/local/bin/take", TAKE, 0o755)
        site.machine.write("/usr/local/bin/activated", ACTIVATED, 0o755)
    site.systemctl("start", "agent", "user@1000")
    site.wait("agent", "reached")
    return site


def inside(site: Site, script: str) -> str:
    """Run a script as root in a unit of its own, as something on the host does; return what it prints, errors too."""
    # A file: systemd has a meaning for a dollar sign of its own.
    site.machine.write("/run/inside", f"exec 2>&1\n{script}\n")
    return site.run("systemd-run", "--quiet", "--collect", "--pipe", "--wait", "sh", "/run/inside", check=False)


def by_ann(site: Site, script: str) -> str:
    """Run a script as an ordinary user in her own part of the tree."""
    site.machine.write("/run/by_ann", script)
    user = "setpriv --reuid 1000 --regid 1000 --clear-groups sh /run/by_ann"
    return inside(site, f"echo $$ > {OWN}/init.scope/cgroup.procs; exec {user}")


def test_a_user_cannot_name_a_cgroup_like_a_unit(opened: Site) -> None:
    mine = f"{OWN}/agent.service"
    printed = by_ann(opened, f"mkdir {mine}\necho $$ | tee {mine}/cgroup.procs\ngrep ^0: /proc/self/cgroup\nattempt")
    assert printed.endswith("/user@1000.service/agent.service\nrefused\n"), printed
    opened.systemctl("restart", "agent")
    assert opened.ids(*AGENT) == ["system.slice/agent.service"]


def test_a_user_cannot_move_a_process_into_a_unit_even_of_her_own(opened: Site) -> None:
    opened.service("hers", "User=ann", "Delegate=yes")
    opened.systemctl("restart", "hers")
    for unit in ("agent", "hers"):
        moved = by_ann(opened, f"echo $$ | tee {TREE}/system.slice/{unit}.service/cgroup.procs")
        assert "Permission denied" in moved
    # What she may do with her own service: divide it. It stays the same unit.
    assert (opened.machine.root / "sys/fs/cgroup/system.slice/hers.service").stat().st_uid == 1000


def test_root_moves_what_it_likes(opened: Site) -> None:
    assert inside(opened, "attempt") == "refused\n"
    assert inside(opened, f"echo $$ > {TREE}/system.slice/agent.service/cgroup.procs; attempt") == "reached\n"


def test_children_and_other_users_stay_in_the_unit(opened: Site) -> None:
    sudo = "/usr/bin/sudo -u ann /usr/local/bin/try child"
    opened.service("agent", command=f"/bin/sh -c 'setsid {sudo} & exec /usr/local/bin/try agent'")
    opened.systemctl("restart", "agent")
    try:
        opened.wait("child", "reached")
    finally:
        opened.service("agent")
        opened.systemctl("restart", "agent")


def test_a_socket_keeps_the_cgroup_that_made_it_until_that_is_gone(opened: Site) -> None:
    slow = "/etc/systemd/system/agent.service.d/zz.conf"
    opened.service("agent", command="/usr/local/bin/give")
    for stopped, seconds, outcome in ((False, 0, "reached"), (True, 0, "refused"), (True, 5, "refused")):
        # After the last command of ours, time for the watcher to compare the set with a tree that still has the cgroup.
        opened.machine.write(slow, f"[Service]\nExecStopPost=/bin/sleep {seconds}\n" if seconds else "")
        opened.systemctl("daemon-reload")
        opened.run("sh", "-c", "rm -f /run/tries/door /run/tries/taken /run/tries/outcome /run/tries/turn")
        opened.systemctl("restart", "agent")
        wait_for((opened.machine.root / "run/tries/door").exists, "the door")
        opened.run("systemd-run", "--quiet", "--collect", "take", "/run/tries/turn")
        wait_for((opened.machine.root / "run/tries/taken").exists, "the socket")
        if stopped:
            opened.systemctl("stop", "agent")
        opened.run("touch", "/run/tries/turn")
        file = opened.machine.root / "run/tries/outcome"
        wait_for(lambda: file.exists() and file.read_text(), "an outcome")  # noqa: B023
        assert file.read_text() == f"{outcome}\n"
    opened.machine.write(slow, "")
    opened.service("agent")


def test_a_socket_that_systemd_opens_is_not_of_the_unit(opened: Site) -> None:
    opened.service("agent", "Type=oneshot", command="/usr/local/bin/activated")
    opened.machine.write("/etc/systemd/system/agent.socket", "[Socket]\nListenDatagram=10.10.3.1:9999\n")
    opened.systemctl("daemon-reload")
    opened.systemctl("stop", "agent")
    opened.run(
        "nft",
        "insert rule inet tidegate egress_output udp dport 4317 socket cgroupv2 level 2 @units_agent.service accept",
    )
    try:
        opened.systemctl("start", "agent.socket")
        opened.run(
            "python3", "-c", "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('10.10.3.1', 9999))"
        )
        own = opened.machine.root / "run/tries/own"
        wait_for(lambda: own.exists() and own.read_text(), "the service")
        assert own.read_text() == "reached\n"
        assert (opened.machine.root / "run/tries/given").read_text() == "refused\n"
    finally:
        opened.systemctl("stop", "agent.socket")
        opened.service("agent")
