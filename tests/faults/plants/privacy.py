"""Bugs by which a person who was erased would stay or come back, or a landing that grew old would be lost: row X11."""

from __future__ import annotations

from tests.faults.plants.plant import Plant

_ERASURE, _READMISSION = "watertight/erasure.py", "watertight/readmission.py"
_TEST_ERASURE, _TEST_KILLED = "tests/faults/test_erasure.py", "tests/faults/test_erasure_killed.py"
_KILLED = f"{_TEST_KILLED}::test_an_erasure_killed_at_its_steps_is_finished_by_the_next_call"
_COMES_BACK = f"{_TEST_ERASURE}::test_who_is_taken_off_the_list_comes_back_and_nobody_else"
_PUT_BACK = '            raise _damaged(landing_dir / FOLDER / table, f"holds {rows} rows, the list says {folded.rows(table)}")\n'
_SAYS_THE_SAME = (
    "tests/integration/test_expiry_of_a_company.py::"
    "test_the_whole_project_says_the_same_from_folded_landings_and_of_a_past_night"
)

PRIVACY = (
    Plant(
        "X11",
        "old publications kept",
        "warehouse/traces.py",
        "    for path in old:\n        path.unlink()\n",
        "",
        (f"{_TEST_ERASURE}::test_nothing_is_left_in_any_byte_and_every_figure_stays",),
    ),
    Plant(
        "X11",
        "what is under way forgotten before the traces are cleared",
        _ERASURE,
        "    with lease.fence():\n        cleared = traces.clear(settings, listed)\n",
        "    noted = _pending(settings).read_text()\n    _pending(settings).unlink()\n    with lease.fence():\n"
        "        cleared = traces.clear(settings, listed)\n    _pending(settings).write_text(noted)\n",
        (_KILLED,),
    ),
    Plant(
        "X11",
        "noted as under way before there is a list",
        _ERASURE,
        "    listed.save()\n    asked = sorted(\n",
        '    said = {"begun_by": lease.run_id, "asked": [], "records": {}}\n'
        "    write_privately(_pending(settings), json.dumps(said).encode())\n    listed.save()\n    asked = sorted(\n",
        (_KILLED,),
    ),
    Plant(
        "X11",
        "a finishing call that leaves the old publications",
        _ERASURE,
        "        cleared = traces.clear(settings, listed)\n",
        "        cleared = traces.clear(settings, listed) if found else {}\n",
        (_KILLED,),
    ),
    Plant(
        "X11",
        "a finishing call that does not rebuild",
        _ERASURE,
        "    if erase.landing_folders(settings):\n        reload(",
        "    if found and erase.landing_folders(settings):\n        reload(",
        (_KILLED,),
    ),
    Plant(
        "X11",
        "half a landing moved into its place",
        "warehouse/erase.py",
        "            if landed_in(folder) is None:\n                shutil.rmtree(folder)\n                continue\n            place =",
        "            place =",
        (_KILLED,),
    ),
    Plant(
        "X11",
        "a landing that waited for its place thrown away",
        "warehouse/erase.py",
        "    _move_in(settings, lease, waiting)\n    for folder in landing_folders(settings):\n",
        "    shutil.rmtree(waiting, ignore_errors=True)\n    for folder in landing_folders(settings):\n",
        (_KILLED,),
    ),
    Plant(
        "X11",
        "a list put in its place before it is on the disk",
        "extractors/core/suppression.py",
        "            file.flush()\n            os.fsync(file.fileno())\n",
        "            file.flush()\n",
        (f"{_TEST_KILLED}::test_no_file_of_an_erasure_is_put_in_its_place_before_it_is_on_the_disk",),
    ),
    Plant(
        "X11",
        "an address counted and left on the list",
        _READMISSION,
        'sum(listed.remove("addresses", address_of(email)) for email in emails)',
        'sum(listed.has("addresses", address_of(email)) for email in emails)',
        (_COMES_BACK,),
    ),
    Plant(
        "X11",
        "everybody erased taken off with the one",
        "warehouse/erase.py",
        "                or marks.intersection(text for path in declared.addresses for text in texts_at(said, path))\n",
        '                or any(text.startswith("erased-") for path in declared.addresses for text in texts_at(said, path))\n',
        (_COMES_BACK,),
    ),
    Plant(
        "X11",
        "a list that is not saved",
        _READMISSION,
        "    with lease.fence():\n        listed.save()\n",
        "",
        (_COMES_BACK,),
    ),
    Plant(
        "X11",
        "a return that is recorded nowhere",
        _READMISSION,
        '    audit.record(settings, "readmission", run_id=lease.run_id, taken_off=taken)\n',
        "",
        (_COMES_BACK,),
    ),
    Plant(
        "X11",
        "a return recorded with the address",
        _READMISSION,
        "taken_off=taken)",
        "taken_off=taken, emails=list(emails))",
        (_COMES_BACK,),
    ),
    Plant(
        "X11",
        "somebody taken off while an erasure is under way",
        _READMISSION,
        "    if erasure.is_unfinished(settings):\n",
        "    if False:\n",
        (_COMES_BACK,),
    ),
    Plant(
        "X11",
        "a lead of two taken off with the one",
        _READMISSION,
        '        if not any(listed.has("people", "\\0".join(other)) for other in others):\n',
        "        if True:\n",
        (f"{_TEST_ERASURE}::test_a_lead_of_two_stays_erased_for_the_other_one_s_sake",),
    ),
    Plant(
        "X11",
        "the last version of a merged deal not put back",
        "warehouse/folded.py",
        _PUT_BACK,
        _PUT_BACK
        + """    connection.execute("delete from raw.hubspot__deals where (payload -> '$.properties' ->> 'hs_merged_object_ids') is not null")\n""",
        (_SAYS_THE_SAME,),
    ),
    Plant(
        "X11",
        "of what is observed the last version alone put back",
        "warehouse/folded.py",
        _PUT_BACK,
        _PUT_BACK
        + """    for table in (name for name in folded.tables if "__" in name):
        connection.execute(f'delete from raw."{table}" as old where exists (from raw."{table}" as newer'
            " where newer._source_id = old._source_id and newer._load_number > old._load_number)")
""",
        (
            "tests/integration/test_expiry.py::test_a_rebuild_from_folded_landings_gives_every_row_that_one_without_gives",
            _SAYS_THE_SAME,
        ),
    ),
)
