/* Copies of the bundle's programs outside it: programs copy themselves to /tmp or into a memory file and start that,
 * and `python3 -m venv --copies` makes a copy of the interpreter. At home the kernel starts them by their PT_INTERP;
 * the host's loader may be another, or too old for them. */
#define _GNU_SOURCE
#include "launch.h"
#include "sys.h"

#include <string.h>

/* CRC-32 as zlib has it, four bits at a time. */
static unsigned checksum(const char *bytes, long length)
{
    static const unsigned table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    unsigned sum = ~0u;
    for (long i = 0; i < length; i++) {
        sum ^= (unsigned char)bytes[i];
        sum = (sum >> 4) ^ table[sum & 15];
        sum = (sum >> 4) ^ table[sum & 15];
    }
    return ~sum;
}

/* Writes a number, a space and an end. */
static char *write_number(char *to, unsigned long number)
{
    char digits[20];
    size_t count = 0;
    do
        digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    while (count > 0)
        *to++ = digits[--count];
    *to++ = ' ';
    *to = '\0';
    return to;
}

/* The rest of the first line that begins with `key`, in `rest`. */
static bool find_line(int fd, const char *key, struct lb_path *rest)
{
    char bytes[256];
    size_t length = strlen(key), at = 0; /* in a line; those that begin otherwise are skipped to their end */
    bool same = true;
    for (long have; (have = lb_sys_read(fd, bytes, sizeof bytes)) > 0;) {
        for (long i = 0; i < have; i++) {
            if (bytes[i] == '\n') {
                if (same && at > length) {
                    rest->text[at - length] = '\0';
                    return true;
                }
                same = true;
                at = 0;
            } else if (same) {
                same = at < length ? bytes[i] == key[at] : at - length < sizeof rest->text - 1;
                if (same && at >= length)
                    rest->text[at - length] = bytes[i];
                at++;
            }
        }
    }
    return false;
}

bool lb_find_original(struct work *work, unsigned long size)
{
    static const char name[] = "/runtime/programs";
    char key[48];
    if (lb_state.top_len + sizeof name > sizeof work->original.text)
        return false;
    memcpy(work->original.text, lb_state.top, lb_state.top_len);
    memcpy(work->original.text + lb_state.top_len, name, sizeof name);
    int fd = lb_sys_open(work->original.text, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return false;
    write_number(write_number(key, size), checksum(work->head, work->head_length));
    bool found = find_line(fd, key, &work->original);
    lb_sys_close(fd);
    return found;
}
