"""What an OBP device means when it refuses, as errors of this package."""

from ..errors import DeviceNotReady, DeviceRefused, HardwareFault
from ..obp_frames import ErrorNumber, Flag, Message, MessageType

#: The device does not know the message, or has no such information: it lacks the part, which is no error.
ABSENT = frozenset({ErrorNumber.UNKNOWN_TYPE, ErrorNumber.NO_SUCH_INFORMATION})
#: Answers to a message whose operand is not published that mean as much: not in the way we ask for it.
NOT_SO = ABSENT | {
    ErrorNumber.WRONG_LENGTH,
    ErrorNumber.INVALID_DATA,
    ErrorNumber.UNKNOWN_CHECKSUM_TYPE,
}
_KINDS: dict[int, type[DeviceRefused]] = {
    ErrorNumber.NOT_READY: DeviceNotReady,
    ErrorNumber.DEFERRED: DeviceNotReady,
    ErrorNumber.INTERNAL: HardwareFault,
}


def refusal(name: str, kind: MessageType, answer: Message) -> DeviceRefused | None:
    """Return the error an answer stands for; None for a good answer."""
    if answer.flags & Flag.NACK or answer.error:
        known = answer.error in ErrorNumber.__members__.values()
        words = ErrorNumber(answer.error).name.lower().replace("_", " ") if known else "unknown error"
        error = _KINDS.get(answer.error, DeviceRefused)
        return error(f"{name}: the device refused {kind.name}: {words} ({answer.error})")
    if answer.flags & Flag.EXCEPTION:
        return HardwareFault(f"{name}: hardware exception during {kind.name}; the data may not be valid")
    return None
