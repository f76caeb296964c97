# The task runner: root code, so libbase and nothing else.
EXEC_TRAP_SOURCES := $(sort $(wildcard sandbox/exec-trap/*.c))
TASK_RUNNERD_SOURCES := $(sort $(wildcard sandbox/agent-task-runnerd/*.c))

$(eval $(call dynamic_program,$(CONTAINER_LIBEXEC)/agent-task-runnerd,$(TASK_RUNNERD_SOURCES) $(EXEC_TRAP_SOURCES),$(LIBBASE),))
