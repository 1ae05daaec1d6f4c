"""A host that speaks raw OBP frames: it takes what comes, and judges nothing."""

import os
import select
import socket
import time

import numpy as np
import serial

from instrument.obp_frames import Flag, FrameParser, Message, MessageType, encode


class Client:
    """A host that speaks raw OBP frames over a socket or a serial port."""

    def __init__(self, address: str) -> None:
        self.parser = FrameParser()
        self.port = None
        if address.startswith("/"):
            self.port = serial.Serial(address, 9600, timeout=5, exclusive=True)
            self.fd = self.port.fileno()
        else:
            host, port = address.rsplit(":", 1)
            self.sock = socket.create_connection((host, int(port)), timeout=5)
            self.fd = self.sock.fileno()

    def send(self, data: bytes) -> None:
        self.port.write(data) if self.port else self.sock.sendall(data)

    def events(self, count: int = 1, within: float = 5.0) -> list:
        """Return the events that come in time, at most so many; none at the end of the connection."""
        found, end = [], time.monotonic() + within
        while len(found) < count and (left := end - time.monotonic()) > 0:
            if select.select([self.fd], [], [], left)[0]:
                data = os.read(self.fd, 65536)
                if not data:
                    break
                found += self.parser.feed(data)
        return found

    def ask(self, kind: int, operand: bytes = b"", **fields) -> Message:
        self.send(encode(Message(kind, operand, **fields)))
        (reply,) = self.events()
        return reply

    def put(self, kind: int, operand: bytes) -> Message:
        return self.ask(kind, operand, flags=Flag.ACK_REQUESTED)

    def counts(self, kind: int = MessageType.RAW_SPECTRUM) -> np.ndarray:
        return np.frombuffer(self.ask(kind).operand, "<u2").astype(float)

    def close(self) -> None:
        (self.port or self.sock).close()
