"""OPC UA clients of other hands, and the script that they run."""

import pytest

pytest.register_assert_rewrite("tests.foreign.steps")
