/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From a file to a view.
 *
 * The content is copied into anonymous memory and judged there, so that what was judged is what is used:
 * nobody can change it afterwards by writing to the file, and a full disk or a shortened file is a read that
 * fails, not a SIGBUS later. It costs each process that looks up a Tegata name the size of the roster (about
 * 200 bytes an account).
 *
 * Only the header's page is mapped from the file itself, for the word `superseded`. Reading it could raise
 * SIGBUS if somebody shortened the file to nothing. Only the file's owner can, and the writer never does: it
 * replaces the file, and reserves its space beforehand.
 */
#include "lib/roster_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ALIGNMENT = 64,
    HUGE_PAGE = 2 * 1024 * 1024,
    DIRECTORY_MAX = 512,
};

static int fail(const char **problem, int error, const char *text)
{
    *problem = text;
    return -error;
}

/* Opens the directory of `path` and points *name to the rest. */
static int open_directory(const char *path, const char **name)
{
    char directory[DIRECTORY_MAX];
    const char *slash = strrchr(path, '/');
    if (path[0] != '/' || slash == path || (size_t)(slash - path) >= sizeof directory)
        return -EINVAL;
    memcpy(directory, path, (size_t)(slash - path));
    directory[slash - path] = '\0';
    *name = slash + 1;
    int fd = open(directory, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int tg_roster_check_stat(const struct stat *directory, const struct stat *file, const char **problem)
{
    if (!S_ISREG(file->st_mode))
        return fail(problem, EPERM, "it is not a regular file");
    if ((directory->st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return fail(problem, EPERM, "its directory may be written by group or others");
    if (file->st_uid != 0 && file->st_uid != directory->st_uid)
        return fail(problem, EPERM, "it belongs neither to root nor to its directory's owner");
    if ((file->st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return fail(problem, EPERM, "it may be written by group or others");
    return 0;
}

static int check_open(int directory, int fd, const char **problem)
{
    struct stat above, file;
    if (fstat(directory, &above) != 0 || fstat(fd, &file) != 0)
        return fail(problem, errno, "it cannot be examined");
    return tg_roster_check_stat(&above, &file, problem);
}

int tg_roster_open(const char *path, const char **problem)
{
    const char *name = NULL;
    int directory = open_directory(path, &name);
    if (directory < 0)
        return fail(problem, -directory, "its directory cannot be opened");
    /* O_NONBLOCK: a FIFO in its place must not stop anybody. */
    int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    int status = fd < 0 ? fail(problem, errno, "it cannot be opened") : check_open(directory, fd, problem);
    (void)close(directory);
    if (status != 0 && fd >= 0)
        (void)close(fd);
    return status != 0 ? status : fd;
}

static int read_whole(int fd, uint8_t *bytes, size_t size)
{
    size_t used = 0;
    while (used < size) {
        ssize_t got = pread(fd, bytes + used, size - used, (off_t)used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            return -EBADMSG;
        used += (size_t)got;
    }
    return 0;
}

static size_t round_up(size_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Reads and judges `size` bytes of `fd` into `memory`: the view, the bytes, and a bit for each record. */
static int fill(int fd, size_t size, uint8_t *memory, const struct tg_roster_paths *paths,
                const char **problem)
{
    struct tg_roster_view *view = (void *)memory;
    uint8_t *bytes = memory + round_up(sizeof *view);
    int status = read_whole(fd, bytes, size);
    if (status != 0)
        return fail(problem, -status, "it cannot be read");
    status = tg_roster_view_of_bytes(bytes, size, view, problem);
    if (status != 0)
        return status;
    view->users.hidden = bytes + round_up(size);
    view->groups.hidden = view->users.hidden + view->users.count / 8 + 1;
    status = tg_roster_hide_local(view, paths->passwd, paths->group);
    return status == 0 ? 0 : fail(problem, -status, "the local passwd and group files cannot be read");
}

/* No more than one bit a record, and no record is smaller than a byte. */
static size_t memory_for(size_t size)
{
    size_t needed = round_up(sizeof(struct tg_roster_view)) + round_up(size) + round_up(size / 8 + 2);
    return needed < HUGE_PAGE ? needed : (needed + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

static void *reserve(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    /* A lookup in a large roster is a few cache misses; with small pages each of them would be a miss in the
     * page tables as well. A kernel that has no huge pages to give does without. */
    if (memory != MAP_FAILED && size >= HUGE_PAGE)
        (void)madvise(memory, size, MADV_HUGEPAGE);
    return memory;
}

int tg_roster_load(int fd, const struct tg_roster_paths *paths, struct tg_roster_view **out,
                   const char **problem)
{
    *out = NULL;
    struct stat file;
    if (fstat(fd, &file) != 0)
        return fail(problem, errno, "it cannot be examined");
    if (file.st_size < (off_t)sizeof(struct tg_roster_header) || file.st_size > TG_ROSTER_FILE_MAX)
        return fail(problem, EBADMSG, "its size is not that of a roster");
    size_t size = (size_t)file.st_size;
    void *page = mmap(NULL, sizeof(struct tg_roster_header), PROT_READ, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        return fail(problem, errno, "it cannot be mapped");
    int status = -ENOMEM;
    void *memory = reserve(memory_for(size));
    if (memory == MAP_FAILED) {
        status = fail(problem, errno, "there is not enough memory for it");
        goto out;
    }
    status = fill(fd, size, memory, paths, problem);
    if (status != 0)
        goto out;
    struct tg_roster_view *view = memory;
    view->header_page = page;
    view->mapped = memory_for(size);
    const uint8_t *word = (const uint8_t *)page + offsetof(struct tg_roster_header, superseded);
    view->superseded = (const void *)word;
    /* From here on it is for reading, and a stray write of the process that we are a guest of ends that
     * process, not the truth. */
    if (mprotect(memory, view->mapped, PROT_READ) != 0) {
        status = fail(problem, errno, "its memory cannot be protected");
        goto out;
    }
    *out = view;
    return 0;
out:
    if (memory != MAP_FAILED)
        (void)munmap(memory, memory_for(size));
    (void)munmap(page, sizeof(struct tg_roster_header));
    return status;
}

void tg_roster_unload(struct tg_roster_view *view)
{
    if (view == NULL)
        return;
    (void)munmap(view->header_page, sizeof(struct tg_roster_header));
    (void)munmap(view, view->mapped);
}
