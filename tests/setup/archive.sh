# shellcheck shell=sh
# Packages of Debian 12, of any architecture, from its archive: fetched and unpacked, never installed. Verified with Debian's
# keys. Needs no privileges, and not Debian itself. To be sourced.

# archive_open PLACE ARCHITECTURE: lists, status and caches of our own, below PLACE.
archive_open() {
    archive_place=$1 archive_architecture=$2
    mkdir -p "$archive_place/state/lists/partial" "$archive_place/cache/archives/partial"
    : >"$archive_place/status"
    for source in "${DEBIAN_MIRROR:-http://deb.debian.org/debian} bookworm" \
        "${DEBIAN_SECURITY_MIRROR:-http://deb.debian.org/debian-security} bookworm-security"; do
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $source main"
    done >"$archive_place/sources.list"
    archive_apt apt-get update >&2
}

# archive_apt TOOL ARGUMENT...
archive_apt() {
    archive_tool=$1
    shift
    "$archive_tool" -qq -o Dir::Etc::SourceList="$archive_place/sources.list" -o Dir::Etc::SourceParts=- \
        -o Dir::State="$archive_place/state" -o Dir::State::Status="$archive_place/status" \
        -o Dir::Cache="$archive_place/cache" -o APT::Architecture="$archive_architecture" \
        -o APT::Architectures="$archive_architecture" -o APT::Sandbox::User=root -o APT::Get::List-Cleanup=0 "$@"
}

# archive_unpack DIRECTORY PACKAGE... [-- TAR-ARGUMENT...]: the files of packages, or what tar is asked for of them.
archive_unpack() {
    archive_directory=$1 archive_packages=
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        archive_packages="$archive_packages $1"
        shift
    done
    if [ $# -gt 0 ]; then shift; fi
    # shellcheck disable=SC2086 # a list of words
    (cd "$archive_place" && archive_apt apt-get download $archive_packages >&2)
    for archive_file in "$archive_place"/*.deb; do
        dpkg-deb --fsys-tarfile "$archive_file" | tar -x -C "$archive_directory" "$@"
    done
    rm "$archive_place"/*.deb
}

archive_close() {
    rm -rf "$archive_place"
}
