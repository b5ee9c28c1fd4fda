"""`python -m simulator --home DIR --token X`: serve a simulated company as HubSpot and as Pipedrive until interrupted."""

import argparse
import os
import sys
from pathlib import Path

import msgspec

from simulator.company import SIZES
from simulator.salesforce.oauth import CLIENT_ID
from simulator.salesforce.settings import USERNAME
from simulator.server import BadSetting, serve


def main() -> int:
    """Read the arguments and serve. Exit code 2 and one sentence on a wrong setting."""
    parser = argparse.ArgumentParser(
        prog="simulator", description="A company that sells, and the CRM APIs that serve its data."
    )
    parser.add_argument("--home", type=Path, required=True, help="folder for the truth log and the files")
    parser.add_argument(
        "--size",
        default="small",
        help=f"one of {', '.join(f'{name} ({deals:,} deals)' for name, deals in SIZES.items())}",
    )
    parser.add_argument("--seed", type=int, default=7, help="another seed is another company (default 7)")
    parser.add_argument("--night", type=int, default=1, help="the night to begin with (default 1)")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument(
        "--token",
        required=True,
        help="the token that clients must send: HubSpot's as bearer, Pipedrive's as x-api-token, the secret of Salesforce's app",
    )
    parser.add_argument("--ready-file", type=Path, help="written once the port listens: url and token as JSON")
    given = parser.parse_args()

    def ready(url: str) -> None:
        if given.ready_file is not None:
            unfinished = given.ready_file.with_name(f".{given.ready_file.name}.unfinished")
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode({"url": url, "token": given.token}))
            unfinished.rename(given.ready_file)
        print(f"Serving at {url}: HubSpot (HUBSPOT_ACCESS_TOKEN, WATERTIGHT_HUBSPOT_URL) and Salesforce, set up by")
        print(f"SALESFORCE_URL={url} SALESFORCE_CLIENT_ID={CLIENT_ID} SALESFORCE_USERNAME={USERNAME}")
        print(
            f"SALESFORCE_PRIVATE_KEY_FILE={given.home / 'salesforce_key.pem'} WATERTIGHT_SIMULATED_TIME=1", flush=True
        )

    try:
        serve(given.home, given.size, given.seed, given.night, given.port, given.token, ready)
    except BadSetting as wrong:
        print(wrong, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
