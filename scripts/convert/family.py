"""What describes a family: how it is recognised, what --set takes, how its graph is written."""
from .names import View, prefixes_of


class Family:
    """
    name         as in --family
    source       the repository that published it
    description  one line, for --list-families and the manifest
    anchors      tensor names that must all stand under one prefix; the first has `rank` axes, if given
    without      names that must not stand there
    parameters   family keys of --set: {key: settings.Parameter}
    build        build(view, settings, graph) writes front end, layers, tensors and outputs
    config       config(tree) -> settings read from the repository's own configuration; None: it has none
    embedded     embedded(checkpoint) -> the same from inside the checkpoint
    accepts      accepts(view) -> whether the shapes are this family's, where others share the names
    find         find(tensors) -> prefixes, where names under one prefix do not tell; anchors are then for messages
    """

    def __init__(self, name, source, description, anchors, build, rank=None, without=(), parameters=None, config=None,
                 embedded=None, accepts=None, find=None):
        self.name, self.source, self.description, self.anchors = name, source, description, anchors
        self.build, self.rank, self.without = build, rank, without
        self.parameters, self.config, self.embedded = parameters or {}, config, embedded
        self.accepts, self.find = accepts, find

    def recognise(self, tensors):
        """The prefixes under which the tensors look like this family."""
        if self.find:
            return self.find(tensors)
        found = prefixes_of(tensors, self.anchors, self.rank)
        found = [prefix for prefix in found if not any(prefix + name in tensors for name in self.without)]
        return [prefix for prefix in found if not self.accepts or self.accepts(View(tensors, prefix))]
