"""The one error of the converter: a line that names the subject and what was expected. Exit code 2."""
import struct
import zipfile
import zlib

# Whatever a hostile or damaged file may provoke in a reader; each becomes one line.
READ_ERRORS = (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error, EOFError, ValueError, KeyError,
               IndexError, TypeError, OverflowError, RuntimeError, MemoryError, AttributeError)


class ConvertError(Exception):
    pass


def reason(error):
    """The first line of what an exception says, or its kind."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def nearest(word, known):
    """" (nearest: 'x')", or what is known when nothing is near."""
    import difflib

    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; the nearest known is '{close[0]}'" if close else "; known are " + ", ".join(sorted(known))
