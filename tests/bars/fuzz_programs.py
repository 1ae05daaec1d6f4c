"""Fuzz targets: what clients say to the emulators, which are shipped programs too."""

from fuzz_target import Target, target


@target("emulator: Cobolt line")
def cobolt_line() -> Target:
    """Lines to an emulated Cobolt laser."""
    from instrument.emulators.cobolt import CoboltDialect
    from instrument.emulators.cobolt_laser import CoboltLaser
    from instrument.emulators.light import LightLog

    dialect = CoboltDialect(CoboltLaser("EMU-1", LightLog(None)))
    seeds = (b"l?", b"p 0.05", b"p?", b"@cobas 0", b"slc 300.0", b"cf", b"gmlp?")
    return Target(seeds, lambda data: dialect.answer(data.decode("ascii", "replace")), ())


@target("emulator: IPS line")
def ips_line() -> Target:
    """Lines to an emulated IPS laser."""
    from instrument.emulators.ips import IpsDialect
    from instrument.emulators.ips_laser import IpsLaser
    from instrument.emulators.light import LightLog

    dialect = IpsDialect(IpsLaser("EMU-1", LightLog(None), max_ma=600.0, max_mw=350.0, threshold_ma=60.0))
    seeds = (b"*IDN?", b"Laser:Enable 1", b"Laser:Current 250", b"TEC:SETpoint 25", b"Error?", b"Status?")
    return Target(seeds, lambda data: dialect.answer(data.decode("ascii", "replace")), ())


@target("emulator: SCPI line")
def scpi_line() -> Target:
    """Lines to the emulated SCPI instrument."""
    import asyncio

    from instrument.emulators.scpi import ScpiInterpreter, number_within

    interpreter = ScpiInterpreter()

    async def expose(argument: str) -> None:
        number_within(argument, 10.0, 1e7)

    interpreter.learn("MEASure:SPECtrum:CONFig:EXPosure:TIME", expose)
    loop = asyncio.new_event_loop()
    seeds = (
        b"*CLS;MEASure:SPECtrum:CONFig:EXPosure:TIME 1000;*ESR?",
        b"*IDN?;:SYST:ERR?;*OPC?",
        b"SYSTem:ERRor:NEXT?",
    )

    def parse(data: bytes) -> None:
        loop.run_until_complete(interpreter.line(data.decode("ascii", "replace")))

    return Target(seeds, parse, ())
