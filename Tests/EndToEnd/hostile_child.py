#!/usr/bin/python3 -I
"""Stands in for `document-extractor` (EXTRACTOR_PATH), whose requests and replies it passes on, and does to documents of certain names what a child that a
document has taken over might do: before, during and after its reply. With the file `.local/stack/edges/child-broken` there it ends as one that cannot enter
its sandbox."""
import os
import pathlib
import select
import signal
import socket
import struct
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BROKEN = ROOT / ".local/stack/edges/child-broken"
# A rejection, to be followed by the number of a request.
ENCRYPTED = struct.pack("<IBBI", 14, 2, 1, 0)


def receive(peer: socket.socket) -> tuple[bytes, list[int]]:
    """A frame with its length, and the descriptor beside it; nothing at the end."""
    data, descriptors, _, _ = socket.recv_fds(peer, 4, 1)
    while data and len(data) < 4:
        data += peer.recv(4 - len(data))
    left = struct.unpack("<I", data)[0] if data else 0
    parts = [data]
    while left:
        part = peer.recv(min(left, 1 << 20))
        if not part:
            sys.exit(1)
        parts.append(part)
        left -= len(part)
    return b"".join(parts), list(descriptors)


def send(peer: socket.socket, frame: bytes, descriptors: list[int]) -> None:
    sent = socket.send_fds(peer, [frame], descriptors) if descriptors else 0
    peer.sendall(frame[sent:])
    for descriptor in descriptors:
        os.close(descriptor)


def sleep() -> None:
    time.sleep(3600)


def close(parent: socket.socket) -> None:
    parent.detach()
    os.close(0)
    os.close(PARENT)
    sleep()


def before(fault: str, parent: socket.socket) -> None:
    match fault:
        case "exit-before": os._exit(3)
        case "killed-before": os.kill(os.getpid(), signal.SIGKILL)
        case "crash-before": os.kill(os.getpid(), signal.SIGSEGV)
        case "silent-before": sleep()
        case "closed-before": close(parent)


def during(fault: str, parent: socket.socket, reply: bytes) -> None:
    half = reply[: len(reply) // 2]
    match fault:
        case "exit-during":
            parent.sendall(half)
            os._exit(0)
        case "crash-during":
            parent.sendall(half)
            os.kill(os.getpid(), signal.SIGSEGV)
        case "silent-during":
            parent.sendall(half)
            sleep()
        case "too-long": parent.sendall(b"\xff\xff\xff\xff" + reply)
        case "unknown-reply": parent.sendall(struct.pack("<I", 11) + b"\x09\x09\x09" + reply[-8:])
        case "huge-counts":
            body = bytes([1, 5]) + b"\xff" * 64 + reply[-8:]
            parent.sendall(struct.pack("<I", len(body)) + body)


def after(fault: str, parent: socket.socket, reply: bytes) -> None:
    match fault:
        case "exit-after": os._exit(70)
        case "silent-after": sleep()
        case "closed-after": close(parent)
        case "second-reply": parent.sendall(ENCRYPTED + reply[-8:])
        case "late-reply":
            # When the next request is there.
            select.select([parent], [], [])
            parent.sendall(ENCRYPTED + reply[-8:])
        case "errors-after":
            time.sleep(0.1)
            os.write(2, b"Out of memory\n")


def main() -> None:
    parent = socket.socket(fileno=PARENT)
    ours, theirs = socket.socketpair()
    child = subprocess.Popen([ROOT / ".build/release/document-extractor", *sys.argv[1:]], stdin=theirs, env=os.environ)
    theirs.close()
    while True:
        request, descriptors = receive(parent)
        if not request:
            break
        if BROKEN.exists():
            os._exit(70)
        name = next((fault for fault in FAULTS if f"{fault}.txt".encode() in request), "")
        before(name, parent)
        send(ours, request, descriptors)
        while (reply := receive(ours)[0])[4:5] == b"\x04":  # without Landlock it requests files from the worker
            parent.sendall(reply)
            send(ours, *receive_file(parent))
        during(name, parent, reply) if name in DURING else parent.sendall(reply)
        after(name, parent, reply)
    ours.close()
    child.wait()


def receive_file(parent: socket.socket) -> tuple[bytes, list[int]]:
    data, descriptors, _, _ = socket.recv_fds(parent, 5, 1)
    return data, list(descriptors)


BEFORE = ["exit-before", "killed-before", "crash-before", "silent-before", "closed-before"]
DURING = ["exit-during", "crash-during", "silent-during", "too-long", "unknown-reply", "huge-counts"]
AFTER = ["exit-after", "silent-after", "closed-after", "second-reply", "late-reply", "errors-after"]
FAULTS = BEFORE + DURING + AFTER

if __name__ == "__main__":
    PARENT = os.dup(0)
    main()
