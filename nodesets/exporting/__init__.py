"""From records to the XML of a NodeSet2 file: :func:`~nodesets.exporting.writing.write_nodeset`."""
