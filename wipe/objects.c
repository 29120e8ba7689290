/* SPDX-License-Identifier: BSD-2-Clause */
#include "wipe/target.h"

#include "wipe/kernel.h"

#include <errno.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

union semaphore_argument { /* semctl(2): the caller defines it */
    int value;
    struct semid_ds *status;
    unsigned short *array;
    struct seminfo *info;
};

static bool is_of(const struct ipc_perm *owner, uint32_t uid)
{
    return owner->uid == uid || owner->cuid == uid;
}

/* `gone`: what removing the object returned. */
static void count(struct tg_target *target, const char *what, int gone)
{
    if (gone == 0 || errno == EIDRM || errno == EINVAL)
        target->ipc++;
    else
        tg_target_fail(target, "a %s: %s", what, strerror(errno));
}

static void clear_memory(struct tg_target *target)
{
    struct shm_info info;
    struct shmid_ds status;
    /* The kernel gives SHM_INFO and the like their results in the one pointer there is. */
    int last = shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&info);
    for (int i = 0; i <= last; i++) {
        int id = shmctl(i, SHM_STAT, &status);
        if (id >= 0 && is_of(&status.shm_perm, target->account.uid))
            count(target, "shared memory segment", target->dry_run ? 0 : shmctl(id, IPC_RMID, NULL));
    }
}

static void clear_semaphores(struct tg_target *target)
{
    struct seminfo info;
    struct semid_ds status;
    int last = semctl(0, 0, SEM_INFO, (union semaphore_argument){.info = &info});
    for (int i = 0; i <= last; i++) {
        int id = semctl(i, 0, SEM_STAT, (union semaphore_argument){.status = &status});
        if (id >= 0 && is_of(&status.sem_perm, target->account.uid))
            count(target, "semaphore set", target->dry_run ? 0 : semctl(id, 0, IPC_RMID));
    }
}

static void clear_queues(struct tg_target *target)
{
    struct msginfo info;
    struct msqid_ds status;
    int last = msgctl(0, MSG_INFO, (struct msqid_ds *)(void *)&info);
    for (int i = 0; i <= last; i++) {
        int id = msgctl(i, MSG_STAT, &status);
        if (id >= 0 && is_of(&status.msg_perm, target->account.uid))
            count(target, "message queue", target->dry_run ? 0 : msgctl(id, IPC_RMID, NULL));
    }
}

static void clear_posix_queues(struct tg_target *target)
{
    struct tg_tree tree = {.dry_run = target->dry_run, .uid = target->account.uid};
    int fd = tg_open_message_queues();
    /* A kernel without them, whichever way it says so. */
    if (fd == -ENODEV || fd == -ENOSYS)
        return;
    if (fd < 0) {
        tg_target_fail(target, "the POSIX message queues cannot be listed: %s", strerror(-fd));
        return;
    }
    tg_tree_begin(&tree, "mqueue:");
    tg_tree_sift(&tree, fd);
    target->ipc += tree.removed;
    if (tree.failed > 0)
        tg_target_fail(target, "%s", tree.complaint);
}

void tg_target_clear_ipc(struct tg_target *target)
{
    clear_memory(target);
    clear_semaphores(target);
    clear_queues(target);
    clear_posix_queues(target);
}
