"""Counts in, estimates with intervals out. numpy and scipy are imported when first used."""
