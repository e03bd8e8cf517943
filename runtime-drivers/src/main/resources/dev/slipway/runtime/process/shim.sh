#!/bin/sh
# Runs one container and outlives the daemon. $1 is the container's folder.
#   started/   made once by whoever may start it: a second shim ends at once
#   shim       process id and start time of this script
#   child      the same of the container's main process
#   exit       exit code and time (ms since 1970) once it has ended
umask 077
cd "$1" || exit 125
mkdir started 2>/dev/null || exit 0
stamp() { # process id -> "pid starttime"
  read -r line < "/proc/$1/stat" || return 1
  rest=${line##*) }
  set -- "$1" $rest
  echo "$1 ${21}"
}
stamp $$ > shim.new && mv shim.new shim
exec 3>>log
sh ./main.sh </dev/null >&3 2>&3 3>&- &
child=$!
stamp "$child" > child.new 2>/dev/null && mv child.new child
exec 3>&-
trap '' TERM INT HUP
while :; do
  wait "$child"
  code=$?
  kill -0 "$child" 2>/dev/null || break
done
echo "$code $(date +%s%3N)" > exit.new
sync exit.new 2>/dev/null
mv exit.new exit
