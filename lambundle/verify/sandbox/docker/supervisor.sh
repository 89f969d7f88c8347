# The first process of a container (see docker.py). It is root there, of root's powers it has the one to kill, and it
# ends, and the container with it, when its standard input does. Between "begin" and "end" it watches the memory of
# the run that `docker exec` starts beside it. $1: bytes of memory that a run may hold.
limit=$1
stat=/sys/fs/cgroup/memory.stat events=/sys/fs/cgroup/memory.events
if [[ ! -e $stat ]]; then
  stat=/sys/fs/cgroup/memory/memory.stat events=/sys/fs/cgroup/memory/memory.oom_control
fi
exec 2> /dev/null
cd /dev && rm -f fd stdin stdout stderr tty ptmx console core # Lambda has few devices
cd /

idle=3600 pause=$idle # seconds to wait for a word
held=0 base=0 peak=0 disk=0 most=0 over=0 kills=0 before=0

look_at_disk() {
  set -- $(stat -f -c '%S %b %f' /tmp) # three numbers
  disk=$(($1 * ($2 - $3)))
  if ((disk > most)); then most=$disk; fi
}

# What the kernel cannot take back: anonymous and shared memory, but not what lies in /tmp, which is a disk on Lambda.
# /tmp is looked at last, and only where it matters: that starts a program.
look() {
  local name value anonymous=0 shared=0
  while read -r name value; do
    case $name in
      anon | rss) anonymous=$value ;;
      shmem) shared=$value && break ;;
    esac
  done < "$stat"
  held=$((anonymous + shared - base - disk))
  if ((held > peak)); then
    look_at_disk
    held=$((anonymous + shared - base - disk))
  fi
}

count_kills() {
  local name value
  while read -r name value; do
    if [[ $name == oom_kill ]]; then kills=$value; fi
  done < "$events"
}

echo ready
heard=
while :; do
  if IFS= read -r -t "$pause" word; then
    word=$heard$word heard=
    case $word in
      begin)
        base=0 peak=0 most=0 over=0 pause=0.02
        look
        base=$held
        count_kills
        before=$kills
        echo begun
        ;;
      kill) kill -9 -1 ;;
      end)
        kill -9 -1
        pause=$idle
        look_at_disk
        count_kills
        if ((kills > before)); then over=1; fi
        if [[ ! -r $stat ]]; then peak=-; fi # an engine without control over memory
        echo "$peak $most $over"
        ;;
    esac
  elif (($? <= 128)); then
    exit 0
  else
    heard+=$word # the time was up in the middle of it
  fi
  if [[ $pause != "$idle" ]]; then
    look
    if ((held > peak)); then peak=$held; fi
    if ((held > limit)); then
      over=1
      kill -9 -1
    fi
  fi
done
