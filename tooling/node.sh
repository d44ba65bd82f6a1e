#!/bin/sh
# Runs a script of this repository with the pinned Node, which npm puts first on the PATH: `sh tooling/node.sh SCRIPT [ARG...]`.
# Node 26 needs libatomic, which a minimal Debian lacks: as root it is installed, else the line to type is printed.

problem=$(node --version 2>&1 >/dev/null) && exec node "$@"

case $problem in
*libatomic*)
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Node needs libatomic: installing Debian's package libatomic1" >&2
    export DEBIAN_FRONTEND=noninteractive
    install="apt-get install -y -qq --no-install-recommends libatomic1"
    { $install || { apt-get update -qq && $install; }; } >/dev/null 2>&1 && exec node "$@"
    echo "libatomic1 could not be installed. Type  apt-get update && apt-get install -y libatomic1  and start again" >&2
  else
    echo "Node needs libatomic. Type  sudo apt-get install -y libatomic1  (Fedora: sudo dnf install libatomic)  and start again" >&2
  fi
  ;;
*) echo "$problem" >&2 ;;
esac
exit 1
