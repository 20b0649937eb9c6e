"""What a device profile promises of cameras, `edgecls run --camera` keeps."""

from __future__ import annotations

import pytest

from edgecls.devices.profile import DeviceProfile, load_profiles
from edgecls.errors import UsageError
from edgecls.runtime.sources.grammar import source_kind


@pytest.mark.parametrize("profile", load_profiles(), ids=lambda profile: profile.name)
def test_a_profile_names_only_cameras_of_the_grammar(profile: DeviceProfile) -> None:
    assert {source_kind(camera) for camera in profile.cameras} <= {"camera", "csi", "picamera", "gst"}


def test_a_name_outside_the_grammar_has_no_kind() -> None:
    with pytest.raises(UsageError):
        source_kind("warp://0")
