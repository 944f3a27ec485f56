#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for the Hugging Face Hub on this machine, as far as programs that download models speak to it.

    hub_server.py FOLDER

FOLDER/ORG/NAME holds the files of a model. The first line on standard output names two ports as JSON: the Hub's, and that of the host it
refers to for large files, which must never see a token. Every request is one further line. Ends when standard input does.

FOLDER/ORG/NAME/.hub.json, read at every request, tells how the repository behaves:
    license, gated ("auto" | "manual"), granted ([token]): as the Hub tells and asks
    sizes {file: bytes}: lies of the listing            hidden [file]: listed, but not there
    corrupt [file]: one byte is wrong                   slow {file: bytes a second}
    ignore_range: Range is not heeded
    faults {file or "api": [fault or null, ...]}: what befalls the requests for it, one after the other, since the file was written:
        {"status": 503}, {"status": 429, "retry_after": 1}, {"drop_after": bytes}, {"page": true}
"""
import hashlib
import json
import pathlib
import socket
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LARGE = (".safetensors", ".gguf", ".model", ".bin")
TOKENS = {"good", "other"}

root = pathlib.Path(sys.argv[1])
lock = threading.Lock()
met = {}


def tell(line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


class Repository:
    def __init__(self, name):
        self.name = name
        self.folder = root / name
        behaviour = self.folder / ".hub.json"
        self.behaviour = json.loads(behaviour.read_text()) if behaviour.exists() else {}
        self.written = behaviour.stat().st_mtime_ns if behaviour.exists() else 0
        self.files = {}
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and path.name != ".hub.json":
                self.files[path.relative_to(self.folder).as_posix()] = path.read_bytes()
        self.commit = hashlib.sha1(json.dumps({k: hashlib.sha256(v).hexdigest() for k, v in self.files.items()}).encode()).hexdigest()

    @staticmethod
    def is_large(file):
        return file.endswith(LARGE)

    def sha256(self, file):
        return hashlib.sha256(self.files[file]).hexdigest()

    def git_hash(self, file):
        data = self.files[file]
        if self.is_large(file):
            data = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256(file)}\nsize {len(data)}\n".encode()
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

    def etag(self, file):
        return self.sha256(file) if self.is_large(file) else self.git_hash(file)

    def size(self, file):
        return self.behaviour.get("sizes", {}).get(file, len(self.files[file]))

    def fault(self, file):
        faults = self.behaviour.get("faults", {}).get(file, [])
        with lock:
            count = met[self.name, file, self.written] = met.get((self.name, file, self.written), -1) + 1
        return faults[count] if count < len(faults) else None

    def model_info(self):
        siblings = []
        for file in self.files:
            entry = {"rfilename": file, "size": self.size(file), "blobId": self.git_hash(file)}
            if self.is_large(file):
                entry["lfs"] = {"sha256": self.sha256(file), "size": self.size(file), "pointerSize": 134}
            siblings.append(entry)
        license = self.behaviour.get("license")
        return {"_id": "0", "id": self.name, "modelId": self.name, "author": self.name.split("/")[0], "sha": self.commit, "private": False,
                "gated": self.behaviour.get("gated", False), "disabled": False, "tags": [f"license:{license}"] if license else [],
                "cardData": {"license": license} if license else None, "siblings": siblings}

    def tree(self):
        entries = []
        for file, data in self.files.items():
            entry = {"type": "file", "path": file, "size": len(data), "oid": self.git_hash(file)}
            if self.is_large(file):
                entry["lfs"] = {"oid": self.sha256(file), "size": len(data), "pointerSize": 134}
            entries.append(entry)
        return entries


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.handle_request(True)

    def do_HEAD(self):
        self.handle_request(False)

    def handle_request(self, wants_body):
        self.wants_body = wants_body
        self.status = 0
        self.sent = 0
        authorization = self.headers.get("Authorization")
        self.token = authorization.removeprefix("Bearer ") if authorization else None
        try:
            self.respond()
        except (BrokenPipeError, ConnectionResetError):
            pass
        with lock:
            tell({"server": self.place, "method": self.command, "path": self.path, "range": self.headers.get("Range"), "token": self.token,
                  "agent": self.headers.get("User-Agent"), "status": self.status, "sent": self.sent})

    def head(self, status, headers):
        self.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()

    def text(self, status, kind, text, **headers):
        data = text.encode()
        self.head(status, {"Content-Type": kind, "Content-Length": len(data), **headers})
        if self.wants_body:
            self.wfile.write(data)
            self.sent += len(data)

    def json(self, value):
        self.text(200, "application/json; charset=utf-8", json.dumps(value))

    def error(self, status, code, message):
        self.text(status, "application/json; charset=utf-8", json.dumps({"error": message}), **{"X-Error-Code": code, "X-Error-Message": message})

    def misbehave(self, fault):
        """True when the fault was the whole answer."""
        if not fault:
            return False
        if fault.get("page"):
            self.text(200, "text/html; charset=utf-8", "<!DOCTYPE html><html><body>Please log in to this network.</body></html>")
            return True
        if "status" in fault:
            patience = {"Retry-After": fault["retry_after"]} if "retry_after" in fault else {}
            self.text(fault["status"], "text/plain", "not now", **patience)
            return True
        return False

    def send_file(self, repository, file, fault, headers):
        data = repository.files[file]
        if file in repository.behaviour.get("corrupt", []):
            data = data[:-1] + bytes([data[-1] ^ 1])
        begin, status = 0, 200
        asked = self.headers.get("Range")
        if asked and not repository.behaviour.get("ignore_range"):
            begin = int(asked.removeprefix("bytes=").split("-")[0])
            if begin >= len(data):
                self.text(416, "text/plain", "no such range", **{"Content-Range": f"bytes */{len(data)}"})
                return
            status = 206
            headers["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        self.head(status, {"Content-Type": "application/octet-stream", "Content-Length": len(data) - begin, "Accept-Ranges": "bytes", **headers})
        if not self.wants_body:
            return
        end = len(data)
        if fault and "drop_after" in fault:
            end = min(end, begin + fault["drop_after"])
        rate = repository.behaviour.get("slow", {}).get(file)
        step = max(1, rate // 20) if rate else 1 << 16
        for at in range(begin, end, step):
            piece = data[at:min(at + step, end)]
            self.wfile.write(piece)
            self.sent += len(piece)
            if rate:
                time.sleep(len(piece) / rate)
        if end < len(data):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True


class Hub(Handler):
    place = "hub"

    def respond(self):
        address = urllib.parse.urlsplit(self.path)
        parts = [urllib.parse.unquote(part) for part in address.path.strip("/").split("/")]
        if self.token is not None and self.token not in TOKENS:
            self.text(401, "application/json", json.dumps({"error": "Invalid credentials in Authorization header"}),
                      **{"X-Error-Message": "Invalid credentials in Authorization header"})
            return
        if parts[:2] == ["api", "models"] and len(parts) == 2:
            author = urllib.parse.parse_qs(address.query).get("author", [""])[0]
            self.json([{"id": f"{author}/{path.name}"} for path in sorted((root / author).glob("*")) if path.is_dir()])
            return
        if parts[:3] == ["api", "resolve-cache", "models"]:
            name, revision, file = "/".join(parts[3:5]), parts[5], "/".join(parts[6:])
        elif parts[:2] == ["api", "models"]:
            name, revision, file = "/".join(parts[2:4]), parts[5] if len(parts) > 5 else "main", None
        else:
            name, revision, file = "/".join(parts[0:2]), parts[3] if len(parts) > 3 else "", "/".join(parts[4:])
        if not (root / name).is_dir():
            self.error(404 if self.token else 401, "RepoNotFound", "Repository not found")
            return
        repository = Repository(name)
        if revision not in ("main", "v1.0", "refs/pr/3", repository.commit):
            self.error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        elif file is None:
            if not self.misbehave(repository.fault("api")):
                self.json(repository.tree() if len(parts) > 4 and parts[4] == "tree" else repository.model_info())
        else:
            self.respond_file(repository, file, parts[0] == "api")

    def respond_file(self, repository, file, from_cache):
        behaviour = repository.behaviour
        if behaviour.get("gated") and self.token not in behaviour.get("granted", []):
            self.error(403 if self.token else 401, "GatedRepo", f"Access to model {repository.name} is restricted.")
            return
        if file not in repository.files or file in behaviour.get("hidden", []):
            self.error(404, "EntryNotFound", "Entry not found")
            return
        headers = {"X-Repo-Commit": repository.commit, "ETag": f'"{repository.etag(file)}"'}
        if repository.is_large(file):
            headers["X-Linked-Etag"] = f'"{repository.etag(file)}"'
            headers["X-Linked-Size"] = len(repository.files[file])
            location = f"http://127.0.0.1:{cdn.server_port}/{repository.name}/{urllib.parse.quote(file)}?Signature=ours"
            self.text(302, "text/plain", "Found. Redirecting to " + location, Location=location, **headers)
        elif not from_cache:
            location = f"/api/resolve-cache/models/{repository.name}/{repository.commit}/{urllib.parse.quote(file)}"
            self.text(307, "text/plain", "Temporary Redirect", Location=location, **headers)
        else:
            fault = repository.fault(file)
            if not self.misbehave(fault):
                self.send_file(repository, file, fault, headers)


class Cdn(Handler):
    place = "cdn"

    def respond(self):
        address = urllib.parse.urlsplit(self.path)
        parts = [urllib.parse.unquote(part) for part in address.path.strip("/").split("/")]
        if self.token is not None or address.query != "Signature=ours":
            self.text(400, "text/plain", "Only one auth mechanism allowed")
            return
        repository, file = Repository("/".join(parts[0:2])), "/".join(parts[2:])
        fault = repository.fault(file)
        if not self.misbehave(fault):
            self.send_file(repository, file, fault, {"ETag": f'"{repository.etag(file)}"'})


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        # Clients break connections, and shall.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


hub = Server(("127.0.0.1", 0), Hub)
cdn = Server(("127.0.0.1", 0), Cdn)
for server in (hub, cdn):
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
tell({"hub": hub.server_port, "cdn": cdn.server_port})
sys.stdin.read()
