"""Why a verdict can be believed: refinement, obligations, solving."""
