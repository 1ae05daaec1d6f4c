"""``opioscan emulate``: run an emulated device."""

import typer

app = typer.Typer()


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def emulate(context: typer.Context) -> None:
    """Run an emulated device until terminated; --help lists the kinds, faults what may befall them."""
    # NumPy takes longer to import than help may take to print.
    from instrument.emulators import main

    raise typer.Exit(main(context.args))
