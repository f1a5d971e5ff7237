#!/bin/sh
# Makes configure and the Makefile.in files from what is in the repository.
set -e
cd "$(dirname "$0")"
exec autoreconf --install --warnings=all
