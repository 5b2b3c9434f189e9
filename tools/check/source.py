"""What the checks share: which files the project has, and C text without its comments and strings."""
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIPPED = re.compile(r"^(build.*|\.git|\.cache|node_modules|fairlead-data|__pycache__)$")


def files(*folders, suffixes=None):
    """Paths relative to the root, of the files below the folders (all of the project if none), sorted."""
    found = []
    for folder in folders or [""]:
        for place, subfolders, names in os.walk(os.path.join(ROOT, folder)):
            subfolders[:] = sorted(name for name in subfolders if not SKIPPED.match(name))
            for name in names:
                if name == ".git":  # Of a worktree: where it is.
                    continue
                path = os.path.relpath(os.path.join(place, name), ROOT)
                if os.path.isfile(os.path.join(ROOT, path)) and (not suffixes or path.endswith(suffixes)):
                    found.append(path)
    return sorted(found)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def code_only(text):
    """The text with comments and the insides of strings blanked out; lines stay where they are."""

    def blank(match):
        token = match.group(0)
        if token[0] in "\"'":
            return token[0] + " " * (len(token) - 2) + token[-1]
        return re.sub(r"[^\n]", " ", token)

    return TOKEN.sub(blank, text)


class Problems:
    """Collects problems; finish() is the exit status."""

    def __init__(self):
        self.count = 0

    def add(self, path, line, text):
        self.count += 1
        print(f"{path}:{line}: {text}")

    def finish(self):
        return 1 if self.count else 0
