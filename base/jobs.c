/* SPDX-License-Identifier: Apache-2.0 */
/* base/jobs.c - see jobs.h */
#include "base/jobs.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS_MAX = 64 };

struct jobs {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct post *first, *last; /* jobs in order, by their post */
	unsigned queued, max_queued, n_threads;
	int stopping;
	pthread_t thread[THREADS_MAX];
};

static struct job *job_of(struct post *post)
{
	return (struct job *)(void *)((char *)post - offsetof(struct job, post));
}

static void call_done(struct post *post)
{
	struct job *job = job_of(post);

	job->done(job);
}

/* The next job, or NULL when the pool stops and nothing is left. */
static struct job *take(struct jobs *jobs)
{
	struct post *post;

	pthread_mutex_lock(&jobs->lock);
	while (!jobs->first && !jobs->stopping)
		pthread_cond_wait(&jobs->wake, &jobs->lock);
	post = jobs->first;
	if (post) {
		jobs->first = post->next;
		if (!jobs->first)
			jobs->last = NULL;
		jobs->queued--;
	}
	pthread_mutex_unlock(&jobs->lock);
	return post ? job_of(post) : NULL;
}

static void *pool_main(void *arg)
{
	struct job *job;

	pthread_setname_np(pthread_self(), "job");
	while ((job = take(arg))) {
		job->run(job);
		job->post.run = call_done;
		if (job->home)
			worker_post(job->home, &job->post);
		else
			job->done(job);
	}
	return NULL;
}

int jobs_new(unsigned threads, unsigned max_queued, struct jobs **jobs_out, struct err *err)
{
	struct jobs *jobs;

	if (threads < 1 || threads > THREADS_MAX)
		return err_set(err, ERR_RANGE, "%u job threads: from 1 to %d can be had", threads,
			       THREADS_MAX);
	jobs = calloc(1, sizeof(*jobs));
	if (!jobs)
		return err_set(err, ERR_NOMEM, "no memory for the job pool");
	pthread_mutex_init(&jobs->lock, NULL);
	pthread_cond_init(&jobs->wake, NULL);
	jobs->max_queued = max_queued;
	for (; jobs->n_threads < threads; jobs->n_threads++) {
		int failed = pthread_create(&jobs->thread[jobs->n_threads], NULL, pool_main, jobs);

		if (failed) {
			jobs_free(&jobs);
			return err_sys(err, ERR_IO, failed, "cannot start a job thread");
		}
	}
	*jobs_out = jobs;
	return 0;
}

int jobs_submit(struct jobs *jobs, struct job *job)
{
	int taken;

	job->home = worker_self();
	job->post.next = NULL;
	pthread_mutex_lock(&jobs->lock);
	taken = !jobs->stopping && (!jobs->max_queued || jobs->queued < jobs->max_queued);
	if (taken) {
		if (jobs->last)
			jobs->last->next = &job->post;
		else
			jobs->first = &job->post;
		jobs->last = &job->post;
		jobs->queued++;
		pthread_cond_signal(&jobs->wake);
	}
	pthread_mutex_unlock(&jobs->lock);
	return taken ? 0 : -1;
}

void jobs_free(struct jobs **jobs_at)
{
	struct jobs *jobs = *jobs_at;

	*jobs_at = NULL;
	if (!jobs)
		return;
	pthread_mutex_lock(&jobs->lock);
	jobs->stopping = 1;
	pthread_cond_broadcast(&jobs->wake);
	pthread_mutex_unlock(&jobs->lock);
	for (unsigned i = 0; i < jobs->n_threads; i++)
		pthread_join(jobs->thread[i], NULL);
	pthread_cond_destroy(&jobs->wake);
	pthread_mutex_destroy(&jobs->lock);
	free(jobs);
}

unsigned jobs_queued(struct jobs *jobs)
{
	unsigned n;

	pthread_mutex_lock(&jobs->lock);
	n = jobs->queued;
	pthread_mutex_unlock(&jobs->lock);
	return n;
}
