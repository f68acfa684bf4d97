"""From the XML of a NodeSet2 file to records: :func:`~nodesets.parsing.reader.read_nodeset`."""
