#!/bin/sh
# Runs one container and outlives the daemon. $1 is the container's folder, $2 the cgroup.procs file of its control group if it has one.
#   started  made once by whoever may start it: a second shim ends at once
#   shim     process id, start time and boot of this script
#   run      made once, by the shim that goes on or by a daemon that has given the container up: never by both
#   child    as shim, of the container's main process
#   input    made before the start when the container's input is kept open: then "in" and "over" are pipes, see below
#   exit     exit code and time (ms since 1970) once it has ended and nothing of it is left
umask 077
cd "$1" || exit 125
set -C
{ true > started; } 2>/dev/null || exit 0
read -r boot < /proc/sys/kernel/random/boot_id
stamp() { # process id -> "pid starttime boot"
  read -r line < "/proc/$1/stat" || return 1
  rest=${line##*) }
  set -- "$1" $rest
  echo "$1 ${21} $boot"
}
stamp $$ > shim
{ true > run; } 2>/dev/null || exit 0
set +C
exec 3>>log
keeper=
if [ -f input ] && mkfifo in.new over.new; then
  # Whoever attaches writes into "in"; it does not end before somebody writes a line into "over".
  # What is written while nobody else has a pipe open is lost: all ends are open before anybody finds the pipes by their names, and
  # before the container runs, since whoever attaches may be done before it begins to read.
  exec 4<>in.new 5<>over.new 6<in.new
  mv over.new over
  mv in.new in
  { exec 3>&- 6<&-; read -r _ <&5; } </dev/null >/dev/null 2>&1 &
  keeper=$!
  exec 4>&- 5>&-
else
  exec 6</dev/null
fi
sh ./main.sh <&6 >&3 2>&3 3>&- 6<&- &
child=$!
stamp "$child" > child 2>/dev/null
exec 3>&- 6<&-
trap '' TERM INT HUP
wait "$child"
code=$?
[ -z "$keeper" ] || kill -KILL "$keeper" 2>/dev/null
# A container ends with its main process: what that left behind ends too.
tries=0
while [ $tries -lt 200 ]; do
  left=
  if [ -n "$2" ]; then
    while read -r pid; do
      left=1
      kill -KILL "$pid" 2>/dev/null
    done < "$2"
  else
    for stat in /proc/[0-9]*/stat; do
      { read -r line < "$stat"; } 2>/dev/null || continue
      pid=${line%% *}
      rest=${line##*) }
      set -f; set -- "$1" "$2" $rest; set +f
      [ "$6" = $$ ] && [ "$pid" != $$ ] && [ "$3" != Z ] || continue
      left=1
      kill -KILL "$pid" 2>/dev/null
    done
  fi
  [ -n "$left" ] || break
  tries=$((tries + 1))
done
echo "$code $(date +%s%3N)" > exit.new
sync exit.new 2>/dev/null
mv exit.new exit
