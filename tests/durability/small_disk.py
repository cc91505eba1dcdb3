"""A data directory that runs full: a small file system of its own, or a limit on file sizes.

A small file system needs the right to mount one, which a container may lack; the limit needs no
right, but shows less: it stops a file that grows, not a disk that has no room.
"""

import os
import resource
import shutil
import subprocess
from pathlib import Path

MIB = 1024 * 1024


class SmallFileSystem:
    """A tmpfs in a mount namespace of its own, held by a process that does nothing else."""

    name = "a tmpfs of its own"
    refuses_as_full = True

    def __init__(self, folder, mib):
        self.mib = mib
        private = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-r", "-m"]
        mount = f"mount -t tmpfs -o size={mib}m tmpfs '{folder}' && echo mounted && exec sleep 600"
        folder.mkdir()
        self.keeper = subprocess.Popen(
            [*private, "sh", "-c", mount], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if self.keeper.stdout.readline() != b"mounted\n":
            reason = self.keeper.communicate()[1].decode(errors="replace").strip()
            raise PermissionError(f"no tmpfs could be mounted: {reason}")
        # The folder as the namespace sees it, from outside.
        self.folder = Path(f"/proc/{self.keeper.pid}/root{folder}")
        self.inside = folder
        user = [] if os.geteuid() == 0 else ["-U", "--preserve-credentials"]
        self.through = ["nsenter", "-t", str(self.keeper.pid), "-m", *user, "--"]

    def fill(self, _server):
        """Takes all the room that is left."""
        with (self.folder / "ballast").open("wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(4096))
            except OSError:
                return

    def make_room(self, _server):
        """Gives back what `fill` took."""
        (self.folder / "ballast").unlink()

    def free(self):
        """Bytes that are left."""
        room = os.statvfs(self.folder)
        return room.f_bavail * room.f_bsize

    def close(self):
        """Lets the file system go with the process that holds it."""
        self.keeper.kill()
        self.keeper.communicate()


class SizeLimit:
    """A limit on the size of each file the server writes, set while it runs."""

    name = "a limit on the size of files"
    refuses_as_full = False

    def __init__(self, folder, mib):
        self.mib = mib
        self.folder = self.inside = folder
        # A process that goes beyond the limit is killed unless it ignores the signal.
        self.through = ["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"]

    def fill(self, server):
        """Lets no file grow beyond the size that the largest one has now."""
        files = [f for f in self.folder.rglob("*") if f.is_file()]
        _limit(server, max(f.stat().st_size for f in files) if files else MIB)

    def make_room(self, server):
        """Takes the limit away."""
        _limit(server, resource.RLIM_INFINITY)

    def close(self):
        """There is nothing to give back."""


def make(folder, mib):
    """The best kind of small disk that this machine permits; `DURABILITY_DISK=limit` the other."""
    wanted = os.environ.get("DURABILITY_DISK") != "limit"
    if wanted and shutil.which("unshare") and shutil.which("nsenter"):
        try:
            return SmallFileSystem(folder, mib)
        except PermissionError as e:
            print(e)
    return SizeLimit(folder, mib)


def _limit(server, size):
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
