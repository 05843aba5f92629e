"""Both ways back of RUNBOOK.md, for real: a dump by the CronJob's own script, and a point in time
from a base backup and the archive that docker-compose.yml has the database keep. What comes back is
served and audited.

    backup.py FOLDER_OF_PROGRAMS
"""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import files
from live import ask, free_port, wait_for

BINARIES = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
USER = pwd.getpwnam("postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name)


def as_owner(*command, **more):
    """PostgreSQL does not run as root."""
    who = {"user": USER.pw_uid, "group": USER.pw_gid, "extra_groups": []} if os.getuid() == 0 else {}
    command = [BINARIES / command[0], *command[1:]]
    return subprocess.run(command, check=True, cwd="/", stdout=subprocess.PIPE, text=True, **who, **more).stdout


class Database:
    """A server of PostgreSQL's over a folder."""

    def __init__(self, data, settings):
        self.data, self.port = data, free_port()
        lines = {"port": self.port, "unix_socket_directories": str(data.parent), "listen_addresses": "127.0.0.1"}
        with open(data / "postgresql.auto.conf", "w") as file:
            for name, value in (lines | settings).items():
                file.write(f"{name} = '{str(value).replace(chr(39), chr(39) * 2)}'\n")
        as_owner("pg_ctl", "--pgdata", data, "--log", data.parent / f"{data.name}.log", "--wait", "start")

    def url(self, name="marketplace"):
        return f"postgres://postgres@127.0.0.1:{self.port}/{name}"

    def sql(self, text, name="marketplace"):
        return as_owner("psql", "--quiet", "--no-align", "--tuples-only", "--dbname", self.url(name), "--command", text).strip()

    def stop(self):
        as_owner("pg_ctl", "--pgdata", self.data, "--mode", "fast", "--wait", "stop")


class Server:
    """Ours, over a database; the embedded TEG's file goes with it."""

    running = None

    def __init__(self, programs, url, data, operator):
        self.programs, self.operator, port = programs, operator, free_port()
        self.url = f"http://127.0.0.1:{port}"
        environment = {
            "DATABASE_URL": url,
            "LISTEN_ADDR": f"127.0.0.1:{port}",
            "DATA_DIR": str(data),
            "OPERATOR_DIDS": operator["did"],
        }
        self.log = open(data / "log", "a+")
        command = [programs / "marketplace-server"]
        self.process = subprocess.Popen(command, env=environment, cwd=data, stdout=self.log, stderr=self.log)
        Server.running = self
        wait_for("the server", lambda: ask(f"{self.url}/readyz", plain=True))

    def admin(self, *words):
        return subprocess.run([self.programs / "marketplace-admin", *words], check=True, capture_output=True, text=True).stdout

    def token(self, key):
        return self.admin("agent", "token", "--key", key, "--url", self.url).strip()

    def audit(self):
        answer = ask(f"{self.url}/api/v1/admin/audit", token=self.token(self.operator["key"]))
        if answer["breaches"]:
            raise SystemExit(f"what came back is not sound: {answer['breaches']}")
        return answer

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(30) != 0:
            raise SystemExit("the server did not stop gently")


def orders(server, keys, count):
    """Bought and completed, one after the other."""
    seller, buyer = (server.token(key) for key in keys)
    listing = ask(f"{server.url}/api/v1/services/search")["results"][0]["id"]
    for _ in range(count):
        order = ask(f"{server.url}/api/v1/orders/create", {"listing_id": listing}, buyer)["order_id"]
        ask(f"{server.url}/api/v1/orders/{order}/deliver", {"inline": "rows"}, seller)
        ask(f"{server.url}/api/v1/orders/{order}/accept", {}, buyer)


def completed(database, name="marketplace"):
    return int(database.sql("SELECT count(*) FROM orders WHERE status = 'COMPLETED'", name))


def expect(what, found, expected):
    if found != expected:
        raise SystemExit(f"{what}: {found} and not {expected}")


def archive_command():
    """As docker-compose.yml has it; its paths are relative to the data folder."""
    command = files.compose(files.example())["services"]["postgres"]["command"]
    return next(word.split("=", 1)[1] for word in command if word.startswith("archive_command="))


def copied_elsewhere(backups, folder):
    """By the command of components/off-site, to a folder in the place of a bucket, twice: the second
    finds everything there. A copy that was changed is not written over."""
    (job,) = [thing for thing in files.rendered("production") if thing["kind"] == "CronJob"]
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    elsewhere = folder / "elsewhere"
    # As off-site.env of the runbook has them, for a disk.
    own = {"OFF_SITE_PATH": str(elsewhere), "RCLONE_CONFIG_OFFSITE_TYPE": "local", "RCLONE_CONFIG": str(folder / "rclone.conf")}
    expect("variables of the copy", [entry["name"] for entry in container["env"]], ["RCLONE_CONFIG"])
    command = [word.replace("$(OFF_SITE_PATH)", str(elsewhere)).replace("/backups", str(backups)) for word in container["command"]]
    (backups / "marketplace-unfinished.dump.part").write_text("half")
    for _ in range(2):
        subprocess.run(command, check=True, env={"PATH": os.environ["PATH"]} | own, stderr=subprocess.DEVNULL)
    (backups / "marketplace-20200102T000000Z.dump").write_text("changed by somebody")
    again = subprocess.run(command, env={"PATH": os.environ["PATH"]} | own, stderr=subprocess.DEVNULL)
    expect("a changed dump is refused", again.returncode != 0, True)
    expect("the copy of it", (elsewhere / "marketplace-20200102T000000Z.dump").read_text(), "old")
    return elsewhere


def back_from_dump(programs, database, folder, keys, operator):
    backups = folder / "backups"
    backups.mkdir()
    path = os.pathsep.join([str(BINARIES), os.environ["PATH"]])
    environment = {"PATH": path, "DATABASE_URL": database.url(), "BACKUP_DIR": str(backups), "BACKUPS_KEPT": "2"}
    for old in ("20200101T000000Z", "20200102T000000Z"):
        (backups / f"marketplace-{old}.dump").write_text("old")
    subprocess.run(["bash", files.KUBERNETES / "base/backup.sh"], check=True, env=environment)
    kept = sorted(backups.iterdir())
    expect("dumps kept", [dump.read_bytes() == b"old" for dump in kept], [True, False])
    # The volume is lost; what is elsewhere is not.
    elsewhere = copied_elsewhere(backups, folder)
    expect("dumps elsewhere", sorted(path.name for path in elsewhere.iterdir()), [dump.name for dump in kept])
    shutil.rmtree(backups)
    kept = sorted(elsewhere.iterdir())
    database.sql("CREATE DATABASE restored", "postgres")
    into = ["--dbname", database.url("restored"), "--no-owner", "--exit-on-error", "--jobs=4"]
    subprocess.run([BINARIES / "pg_restore", *into, kept[-1]], check=True)
    expect("orders in the dump", completed(database, "restored"), 5)
    server = Server(programs, database.url("restored"), folder / "market", operator)
    server.audit()
    # What came back goes on.
    orders(server, keys, 1)
    server.audit()
    server.stop()


def main():
    programs = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name in (".", "market", "owned"):
            (folder / name).mkdir(exist_ok=True)
            (folder / name).chmod(0o755)
        owned = folder / "owned"
        os.chown(owned, USER.pw_uid, USER.pw_gid)
        running = []
        try:
            run(programs, folder, owned, running)
        finally:
            if Server.running:
                Server.running.process.kill()
            for database in running:
                try:
                    database.stop()
                except subprocess.CalledProcessError:
                    pass


def run(programs, folder, owned, running):
    def agent(name):
        key = folder / f"{name}.json"
        command = [programs / "marketplace-admin", "agent", "new", "--out", key]
        return key, subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    as_owner("initdb", "--pgdata", owned / "data", "--username=postgres", "--auth=trust", "--locale=C", "--encoding=UTF8", "--no-sync")
    database = Database(owned / "data", {"archive_mode": "on", "archive_command": archive_command(), "fsync": "off"})
    running.append(database)
    database.sql("CREATE DATABASE marketplace", "postgres")
    (seller, _), (buyer, _), (key, did) = agent("seller"), agent("buyer"), agent("operator")
    operator, keys = {"key": key, "did": did}, (seller, buyer)
    server = Server(programs, database.url(), folder / "market", operator)
    for name in keys:
        ask(f"{server.url}/api/v1/wallet/faucet", {}, server.token(name))
    offer = {"type": "data-processing", "name": "CSV", "description": "rows", "price": "5.0"}
    ask(f"{server.url}/api/v1/services/list", offer, server.token(seller))
    orders(server, keys, 1)
    as_owner("pg_basebackup", "--dbname", database.url("postgres"), "--pgdata", owned / "base", "--wal-method=none", "--checkpoint=fast", "--no-sync")
    orders(server, keys, 2)
    point = database.sql("SELECT clock_timestamp()")
    time.sleep(0.05)
    orders(server, keys, 2)
    server.stop()
    back_from_dump(programs, database, folder, keys, operator)
    database.sql("SELECT pg_switch_wal()")
    database.stop()
    running.remove(database)

    # The data folder is lost; the base backup and the archive beside it are not.
    shutil.rmtree(owned / "data")
    (owned / "base/recovery.signal").touch()
    os.chown(owned / "base/recovery.signal", USER.pw_uid, USER.pw_gid)
    database = Database(
        owned / "base",
        {
            "restore_command": f"cp {owned}/archive/%f %p",
            "recovery_target_time": point,
            "recovery_target_action": "promote",
        },
    )
    running.append(database)
    wait_for("the end of the recovery", lambda: database.sql("SELECT pg_is_in_recovery()") == "f")
    expect("orders at the point in time", completed(database), 3)
    server = Server(programs, database.url(), folder / "market", operator)
    server.audit()
    server.stop()
    print(f"a dump came back with 5 orders, the point {point} with 3; both were served and audited")


if __name__ == "__main__":
    main()
