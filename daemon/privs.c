/* SPDX-License-Identifier: Apache-2.0 */
/* daemon/privs.c - see privs.h */
#include "daemon/privs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

void privs_harden(void)
{
	struct rlimit none = { 0, 0 }, files;

	setrlimit(RLIMIT_CORE, &none);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	/* Also keeps other processes of the same user from reading our memory. The leak check of a
	 * sanitizer build needs just that. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
	umask(0077);
	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

int privs_find(const char *user, const char *group, struct privs *privs_out, struct err *err)
{
	const struct passwd *pw;
	const struct group *gr;

	memset(privs_out, 0, sizeof(*privs_out));
	privs_out->uid = geteuid();
	privs_out->gid = getegid();
	if (geteuid() != 0)
		return 0;
	if (!user || !user[0])
		return err_set(err, ERR_ABSENT,
			       "started as root without server.user: name the user to serve as");
	errno = 0;
	pw = getpwnam(user);
	if (!pw)
		return err_set(
			err, ERR_ABSENT,
			"no user \"%s\" to serve as: create it (adduser --system --group %s) "
			"or set server.user",
			user, user);
	if (pw->pw_uid == 0 && strcmp(user, "root") != 0)
		return err_set(err, ERR_DENIED,
			       "user \"%s\" is root by another name: set server.user", user);
	privs_out->root = pw->pw_uid != 0;
	privs_out->uid = pw->pw_uid;
	privs_out->gid = pw->pw_gid;
	snprintf(privs_out->user, sizeof(privs_out->user), "%s", user);
	if (group && group[0]) {
		gr = getgrnam(group);
		if (!gr)
			return err_set(err, ERR_ABSENT,
				       "no group \"%s\" to serve as: create it or set server.group",
				       group);
		privs_out->gid = gr->gr_gid;
	}
	return 0;
}

int privs_own_file(const struct privs *privs, const char *path, struct err *err)
{
	if (!privs->root || lchown(path, privs->uid, privs->gid) == 0)
		return 0;
	return err_sys(err, ERR_IO, errno, "cannot give %s to user %s", path, privs->user);
}

/* Files directly in DIR; what is no file (a folder, a link somebody planted) is left alone. */
static int own_files(const struct privs *privs, const char *dir, struct err *err)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	struct stat st;
	int ret = 0;

	if (!d)
		return err_sys(err, ERR_IO, errno, "cannot read the folder %s", dir);
	while (ret == 0 && (entry = readdir(d))) {
		if (fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		    !S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_uid == privs->uid)
			continue;
		if (fchownat(dirfd(d), entry->d_name, privs->uid, privs->gid,
			     AT_SYMLINK_NOFOLLOW) != 0)
			ret = err_sys(err, ERR_IO, errno, "cannot give %s/%s to user %s", dir,
				      entry->d_name, privs->user);
	}
	closedir(d);
	return ret;
}

int privs_own_dir(const struct privs *privs, const char *dir, struct err *err)
{
	struct stat st;

	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return err_sys(err, ERR_IO, errno, "cannot make the folder %s", dir);
	if (!privs->root)
		return 0;
	if (lstat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
		return err_set(err, ERR_IO, "%s is no folder: move it away or choose another", dir);
	if (privs_own_file(privs, dir, err) < 0)
		return -1;
	return own_files(privs, dir, err);
}

int privs_drop(const struct privs *privs, struct err *err)
{
	if (privs->root) {
		if (initgroups(privs->user, privs->gid) != 0 ||
		    setresgid(privs->gid, privs->gid, privs->gid) != 0 ||
		    setresuid(privs->uid, privs->uid, privs->uid) != 0)
			return err_sys(err, ERR_DENIED, errno, "cannot become user %s",
				       privs->user);
		if (setuid(0) == 0)
			return err_set(err, ERR_DENIED, "root was not given up for good");
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_sys(err, ERR_DENIED, errno, "cannot forswear new privileges");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* changing the user switched it on again */
#endif
	return 0;
}
