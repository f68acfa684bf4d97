"""DataTypes as data: what a model's types are made of, and their values in XML, binary and JSON (Part 6 v1.05 5).

Nothing is generated or executed. A :class:`~nodesets.datatypes.registry.TypeRegistry` belongs to one model; the codecs
take it as an argument. Values are those of :mod:`nodesets.built_in_types`, and are never changed in place.
"""
