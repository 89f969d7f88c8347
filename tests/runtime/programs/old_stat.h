/* What programs built before glibc 2.33 call. No header declares it, and nothing new may link to it unless it names the
 * version. */
#include <features.h>
#include <sys/stat.h>

#if defined(__x86_64__)
#define OLD(name, version) __asm__(".symver " #name "," #name "@GLIBC_" version);
#define VERSION 1
#else
#define OLD(name, version) __asm__(".symver " #name "," #name "@GLIBC_2.17");
#define VERSION 0
#endif
#if __GLIBC_PREREQ(2, 33)
OLD(__xstat, "2.2.5")
OLD(__lxstat, "2.2.5")
OLD(__xstat64, "2.2.5")
OLD(__lxstat64, "2.2.5")
OLD(__xmknod, "2.2.5")
OLD(__fxstatat, "2.4")
OLD(__fxstatat64, "2.4")
OLD(__xmknodat, "2.4")
#endif
extern int __xstat(int, const char *, struct stat *);
extern int __lxstat(int, const char *, struct stat *);
extern int __xstat64(int, const char *, struct stat64 *);
extern int __lxstat64(int, const char *, struct stat64 *);
extern int __fxstatat(int, int, const char *, struct stat *, int);
extern int __fxstatat64(int, int, const char *, struct stat64 *, int);
extern int __xmknod(int, const char *, mode_t, dev_t *);
extern int __xmknodat(int, int, const char *, mode_t, dev_t *);
