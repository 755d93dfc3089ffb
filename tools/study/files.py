"""Files that hold hours of work."""
import os


def replace_text(file, text):
    """Writes beside `file` and renames: whenever this is stopped, the old text is there or the new."""
    beside = file.with_name(file.name + ".part")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, file)
