"""Taking spectra: one exposure, or several into the device's buffer, each made sure of before it counts."""

from spectra.values import FloatArray

from ..errors import AcquisitionAborted
from ..interfaces import StopCheck
from ..obp_frames import MessageType
from .obp_buffer import Metadata, check_metadata, counts_of
from .obp_link import ObpLink
from .obp_many import take_many
from .obp_models import FREE_RUNNING, ObpModel
from .obp_panel import ObpPanel


class ObpReader:
    """Takes spectra with what is set on a panel.

    Parameters
    ----------
    link, model, panel
        The device, which one it is, and what is set in it.
    """

    def __init__(self, link: ObpLink, model: ObpModel, panel: ObpPanel) -> None:
        self._link, self._model, self._panel = link, model, panel
        self._newest: Metadata | None = None

    def one(self, stop: StopCheck, *, trigger_wait_s: float) -> FloatArray:
        """Expose once and return raw counts, shape (pixels,), read-only.

        Raises
        ------
        InstrumentError
            See `ObpSpectrometer.acquire`.
        """
        if self._model.buffered:
            # An older spectrum in the buffer would be taken for this one.
            self._link.command(MessageType.CLEAR_BUFFER)
        self._newest = None
        try:
            counts = self._read(self._spectrum_s(trigger_wait_s), stop)
        except AcquisitionAborted:
            self._link.abort()
            raise
        self._panel.check()
        return counts

    def many(self, count: int, stop: StopCheck, *, trigger_wait_s: float) -> list[FloatArray]:
        """Expose several times and return raw counts, each of shape (pixels,); raises as `one`."""
        self._newest = None
        spectra = take_many(
            self._link,
            self._model,
            count,
            exposure_s=self._spectrum_s(trigger_wait_s),
            stop=stop,
            read_one=lambda: self._read(0.0, stop),
        )
        self._panel.check()
        return spectra

    def _spectrum_s(self, trigger_wait_s: float) -> float:
        """Return the time until a spectrum is taken, without its way over the line, s."""
        panel = self._panel
        exposure: float = panel.value("exposure_s") * (panel.value("averages") or 1)
        delay: float = panel.wanted("acquisition_delay_s") or 0.0
        triggered = panel.value("trigger") not in (None, FREE_RUNNING)
        return exposure + delay + (trigger_wait_s if triggered else 0.0)

    def _read(self, wait_s: float, stop: StopCheck) -> FloatArray:
        model, panel, name = self._model, self._panel, self._link.name
        size = model.spectrum_bytes(panel.binning)
        data = self._link.acquire(model.spectrum, exposure_s=wait_s, size=size, stop=stop)
        counts = counts_of(
            data,
            offset=model.metadata_bytes,
            pixels=model.pixels >> panel.binning,
            dtype=model.pixel_dtype,
            name=name,
        )
        if model.metadata_bytes:
            found = Metadata.of(data)
            due = {"exposure_us": panel.number("exposure_s"), "trigger": panel.number("trigger")}
            check_metadata(found, self._newest, **due, name=name)
            self._newest = found
        return counts
