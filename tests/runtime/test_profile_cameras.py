"""What a device profile promises of cameras, `edgecls run --camera` keeps."""

from __future__ import annotations

import pytest

from edgecls.devices.profile import DeviceProfile, load_profiles
from edgecls.runtime.sources import LATER


@pytest.mark.parametrize("profile", load_profiles(), ids=lambda profile: profile.name)
def test_a_profile_names_no_source_that_is_not_supported_yet(profile: DeviceProfile) -> None:
    assert [camera for camera in profile.cameras if camera.split(":")[0] in LATER] == []
