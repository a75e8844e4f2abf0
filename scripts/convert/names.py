"""Finds a family's tensors under whatever outer prefix (module., gst., model., ...) a checkpoint has them."""
from .errors import ConvertError


class View:
    """The tensors below one prefix. `used` collects what a family has asked for."""

    def __init__(self, tensors, prefix="", folded=()):
        self.tensors, self.prefix, self.folded, self.used = tensors, prefix, folded, {}

    def __contains__(self, name):
        return self.prefix + name in self.tensors

    def __getitem__(self, name):
        tensor = self.tensors.get(self.prefix + name)
        if tensor is None:
            raise ConvertError(f"tensor '{self.prefix + name}' is missing in the checkpoint")
        return tensor

    def shape(self, name):
        return self[name].shape

    def below(self, prefix):
        return View(self.tensors, self.prefix + prefix, self.folded)

    def count(self, pattern):
        """How many of pattern.format(0), pattern.format(1), ... exist without a gap."""
        return self.count_from(0, pattern)

    def count_from(self, first, pattern):
        """The same from pattern.format(first) on."""
        n = 0
        while pattern.format(first + n) in self:
            n += 1
        return n


def prefixes_of(tensors, names, rank=None):
    """All prefixes under which every one of `names` exists; the first name's tensor has this rank, if given."""
    found = []
    for full in tensors:
        if full.endswith(names[0]):
            prefix = full[:-len(names[0])]
            whole = not prefix or prefix[-1] in "./"
            if whole and all(prefix + name in tensors for name in names):
                if rank is None or len(tensors[full].shape) == rank:
                    found.append(prefix)
    return sorted(found, key=lambda prefix: (len(prefix), prefix))
