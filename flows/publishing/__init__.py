"""Publishing: splits, the files that trainers read, the dataset card and the upload. Pure of Prefect and of models."""
