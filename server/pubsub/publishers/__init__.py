"""A connection's encoding: how its DataSets are encoded, what their topics are, who speaks on its links."""
