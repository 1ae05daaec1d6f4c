"""Requests whose heads are of bounded size, over the fast HTTP parser, which has no bound of its own."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Longest request line and headers, bytes (chosen: what other servers take at most).
HEAD_BYTES = 64 * 1024


class BoundedHeads(HttpToolsProtocol):
    """One connection; a head that does not end in time is answered with 400, and the connection closed."""

    _head = 0
    _in_head = False

    def data_received(self, data: bytes) -> None:
        """Take what came, unless it is still the head of a request that has had its share."""
        if self._in_head:
            self._head += len(data)
            if self._head > HEAD_BYTES:
                self._in_head = False
                self.send_400_response("The head of the request is too long.")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Begin a head."""
        self._in_head, self._head = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """End a head."""
        self._in_head = False
        super().on_headers_complete()
